"""The ranker for one page: the same network with what depends on a video alone, or on the viewer alone, computed apart.

Of the inputs of the trunk some are of the candidate (its embeddings and aggregates), some of the viewer and some of
both. Those of a candidate are computed once per snapshot (`videos`, `entity`), and so is what the straight pieces add
to the logits for them. Those of the viewer go once through every layer: with x = x0 * gate and a gate that is linear in
the two cross layers' projections p, a product of the viewer's rows of x with W becomes p @ M, where M = (U * x0) @ W is
computed once per page. What is left for each candidate are four fifths of the network's products.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, ENTITIES, SPANS, TARGETS
from models.ranking.network import Ranker
from models.ranking.owners import OWNERS, PAIR, PAIR_FEATURES
from models.ranking.preprocessing import Preprocessing
from models.ranking.statistics import NUM_AFFINITIES, RATED_MEASURES, affinity_columns, signed_log

_HISTORY_SIZE = DENSE_FEATURES.index("history_size")
#: Owner of each column of `statistics.widened`.
_WIDE_OWNERS = np.array(
    [*OWNERS, *(entity for _ in RATED_MEASURES for entity in ENTITIES for _ in SPANS), *[PAIR] * (2 * NUM_AFFINITIES)]
)
_PAIR_AFFINITIES = [PAIR_FEATURES.index(f"user_{kind}_affinity") for kind in ("topic", "channel", "language")]


class PageRanker(tf.Module):
    """Answers what `SavedRanker.score` answers, for the candidates of one page."""

    def __init__(self, network: Ranker, preprocessing: Preprocessing) -> None:
        super().__init__(name="page_ranker")
        self._network, self._preprocessing = network, preprocessing
        num = len(_WIDE_OWNERS)
        self._columns = {of: np.flatnonzero(of == _WIDE_OWNERS) for of in (*ENTITIES, PAIR)}
        places = {of: np.concatenate([columns, num + columns]) for of, columns in self._columns.items()}
        width = int(network.topic.output_dim)
        item, focus, item_mean, item_focus, side, side_mean = 2 * num + width * np.arange(6)[:, None] + np.arange(width)
        language = 2 * num + 6 * width + np.arange(int(network.language.output_dim))
        #: Rows of the trunk's input, in the order in which `_page` puts the candidates' and the viewer's.
        self._candidate = np.concatenate(
            [
                *(places["video"], item, side, language, places["channel"], places["topic"]),
                *(places[PAIR], focus, item_mean, item_focus, side_mean),
            ]
        )
        self._width, self._last_dense = width, int(language[-1]) + 1
        self._video_width = 2 * len(self._columns["video"]) + 2 * width + len(language)
        self._user = places["user"]

    def videos(self, inputs: dict[str, Any]) -> Any:
        """What depends on a video alone, [n, .]: its part of the trunk's input, then what it adds to each logit.

        Args:
          inputs: `dense` [n, len(DENSE_FEATURES)] with the features of the video, `video`, `channel`, `topic` and
            `language` keys [n], `side_topics` [n, s].
        """
        own, part = self._preprocessing, self._network
        item = (
            part.video(own.videos(inputs["video"]))
            + part.channel(own.channels(inputs["channel"]))
            + part.topic(own.topics(inputs["topic"]))
        )
        side = part.side_topics(own.topics(inputs["side_topics"]))
        dense, logits = self._dense(own.normalised(inputs["dense"]), "video")
        return tf.concat([dense, item, side, part.language(own.languages(inputs["language"])), logits], axis=1)

    def entity(self, dense: Any, of: str) -> Any:
        """What depends on a channel or a topic alone, [n, .]: `dense` [n, len(DENSE_FEATURES)] with its features."""
        return tf.concat(self._dense(self._preprocessing.normalised(dense), of), axis=1)

    def folded(self) -> dict[str, Any]:
        """The weights as `page` reads them, the same for every page: the rows of the trunk's input are in the order of
        `page`, those of the candidates apart from those of the viewer."""
        cross, network = self._network.cross, self._network
        out = tf.concat([network.expert_hidden.kernel, network.gate.kernel], axis=1)
        viewer = np.concatenate([self._user, np.arange(self._last_dense, int(out.shape[0]))])
        weights = {"out_bias": tf.concat([network.expert_hidden.bias, network.gate.bias], axis=0)}
        for name, rows in (("candidate", self._candidate), ("viewer", viewer)):
            weights[f"{name}_out"] = tf.gather(out, rows)
            for number, layer in enumerate(cross):
                weights[f"{name}_down_{number}"] = tf.gather(layer._dense_u.kernel, rows)
                weights[f"{name}_up_{number}"] = tf.gather(layer._dense_v.kernel, rows, axis=1)
                weights[f"{name}_bias_{number}"] = tf.gather(layer._dense_v.bias, rows)
        return weights

    def specs(self) -> dict[str, Any]:
        """What `page` reads, by name; the network's weights have to be there."""
        heads = len(TARGETS)
        widths = {of: 2 * len(self._columns[of]) + heads for of in ("channel", "topic")}
        widths |= {"video": self._video_width + heads, "pair": len(PAIR_FEATURES)}
        return {
            **{name: tf.TensorSpec([None, width], tf.float32, name) for name, width in widths.items()},
            "dense": tf.TensorSpec([1, len(DENSE_FEATURES)], tf.float32, "dense"),
            **{n: tf.TensorSpec([1], tf.int64, n) for n in ("device", "country", "user_language")},
            "age": tf.TensorSpec([1], tf.int32, "age"),
            "history_topics": tf.TensorSpec([1, None], tf.int64, "history_topics"),
            "history_fractions": tf.TensorSpec([1, None], tf.float32, "history_fractions"),
            **{name: tf.TensorSpec(weight.shape, tf.float32, name) for name, weight in self.folded().items()},
        }

    def page(self, inputs: dict[str, Any]) -> Any:
        """Logits of n candidates, [n, len(TARGETS)].

        Args:
          inputs: by name, as `specs` has them: `video`, `channel` and `topic` [n, .] of `videos` and `entity`; `pair`
            [n, len(PAIR_FEATURES)]; of the viewer `dense` with the features of the viewer, `device`, `country`,
            `user_language`, `age`, `history_topics` and `history_fractions`; and everything of `folded`.
        """
        video, channel, topic = (inputs[name] for name in ("video", "channel", "topic"))
        heads, network, own = len(TARGETS), self._network, self._preprocessing
        codes = own.viewer(inputs)
        topics, tastes = network.topic_table(), codes["tastes"]
        mean = network.mean_taste(tastes, topics)
        alone = own.normalised(inputs["dense"])
        user, user_logits = self._dense(alone, "user")
        both, both_logits = self._pieces(self._pair(inputs["pair"], inputs["dense"][:, _HISTORY_SIZE, None]), PAIR)
        begin = 2 * len(self._columns["video"])
        item, side = video[:, begin : begin + self._width], video[:, begin + self._width : begin + 2 * self._width]
        focus = network.focus(item, side, tastes, topics)
        z = tf.concat(
            [
                *(video[:, : self._video_width], channel[:, :-heads], topic[:, :-heads]),
                *(both, focus, item * mean, item * focus, side * mean),
            ],
            axis=1,
        )
        v = tf.concat([user, network.viewer(mean, codes), *network.hidden_slot_features()], axis=1)
        w = inputs
        first = z @ w["candidate_down_0"] + v @ w["viewer_down_0"]
        gate = first @ w["candidate_up_0"] + (1.0 + w["candidate_bias_0"])
        up_0, up_1, bias_0 = v * w["viewer_up_0"], v * w["viewer_up_1"], v * (1.0 + w["viewer_bias_0"])
        second = (z * gate) @ w["candidate_down_1"] + first @ (up_0 @ w["viewer_down_1"]) + bias_0 @ w["viewer_down_1"]
        gate += second @ w["candidate_up_1"] + w["candidate_bias_1"]
        seen = tf.concat([up_0 @ w["viewer_out"], up_1 @ w["viewer_out"]], axis=0)
        x = (z * gate) @ w["candidate_out"] + tf.concat([first, second], axis=1) @ seen
        x += (bias_0 + v * w["viewer_bias_1"]) @ w["viewer_out"] + w["out_bias"]
        logits = network.mixed(*tf.split(x, [x.shape[1] - network.gate.units, network.gate.units], axis=1))
        return (
            logits
            + (video[:, -heads:] + channel[:, -heads:] + topic[:, -heads:] + both_logits)
            + (user_logits + network.alone(codes))
        )

    def _pair(self, pair: Any, size: Any) -> Any:
        """Normalised columns of `statistics.widened` that are of viewer and video together, [n, .]."""
        counts = tf.gather(pair, _PAIR_AFFINITIES, axis=1)
        wide = tf.concat([signed_log(pair), *affinity_columns(counts, size)], axis=1)
        return self._preprocessing.normalised_columns(wide, self._columns[PAIR])

    def _dense(self, normalised: Any, of: str) -> tuple[Any, Any]:
        return self._pieces(tf.gather(normalised, self._columns[of], axis=1), of)

    def _pieces(self, columns: Any, of: str) -> tuple[Any, Any]:
        """Columns of an owner with their quantiles, [n, .], and what they add to each logit."""
        network = self._network
        kept: NDArray[np.int64] = self._columns[of]
        pieces = network.pieces(columns, kept)
        kernel = tf.reshape(network.wide.kernel, [len(_WIDE_OWNERS), -1, len(TARGETS)])
        logits = tf.reshape(pieces, [tf.shape(pieces)[0], -1]) @ tf.reshape(tf.gather(kernel, kept), [-1, len(TARGETS)])
        return tf.concat([columns, network.quantiles(pieces)], axis=1), logits
