"""The two-tower model with its loss, and the graph of it that is saved."""

from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from homefeed.settings.retrieval import RetrievalSettings
from models.graph import graph, save_graph
from models.retrieval.catalogue_softmax import catalogue_softmax
from models.retrieval.compute_type import compute_type
from models.retrieval.content import Content, VideoPreprocessing
from models.retrieval.moment import is_new
from models.retrieval.request_time import context, log_gap
from models.retrieval.sampled_softmax import sampled_softmax
from models.retrieval.towers import CandidateTower, QueryTower, age_bucket
from models.trainers.group import Group
from models.vocabulary import Vocabulary

#: Added to the logit of a column that is not there.
_ABSENT = -1e9


class TwoTower(tfrs.models.Model):
    """Softmax over packed histories: over the videos of the step and sampled ones, or over the whole catalogue.

    Sources: Yi et al. 2019 (log-Q correction), Yang et al. 2020 "Mixed negative sampling" (uniform negatives beside
    the batch).
    """

    def __init__(
        self,
        preprocessing: VideoPreprocessing,
        countries: Vocabulary,
        languages: Vocabulary,
        settings: RetrievalSettings,
        is_exact: bool,
        group: Group | None = None,
    ) -> None:
        """`is_exact`: the negatives of each step are the whole catalogue, in its order; `group` learns it together."""
        super().__init__()
        self._seen_negatives, self._group = settings.seen_negatives, group or Group()
        self._exact, self._compute_type = is_exact, compute_type(settings)
        self.content = Content(preprocessing, settings)
        self.candidate = CandidateTower(settings)
        self.query = QueryTower(settings, countries.size, languages.size)
        self._log_q = settings.log_q

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Mean loss of the watches of one step; of several trainers this one's part of it, and the parts add up.

        Args:
          inputs: of the r rows and h negatives that this trainer makes: `tokens` codes of the r * l watched videos;
            `fraction`, `time` [microseconds], `position`, `segment` [r, l]; `country`, `language`, `age` codes [r, l];
            `dynamic` [r * l, NUM_DYNAMIC]; `place` [r * l] among the w watches of the step; `negatives` codes of h
            videos with `negative_dynamic` [h, NUM_DYNAMIC]. Of the whole step, with g negatives: `weight` [w], 0 for
            padding and for a run without its past; `user` [w]; `negative_exists` [g]; `probability` [w + g] of a
            column being drawn; `ids` [w + g].
          training: whether dropout is on.
        """
        rows, length = tf.unstack(tf.shape(inputs["segment"]))
        positive = self.content(inputs["tokens"], is_new(inputs["dynamic"]), training=training)
        negative = self.content(inputs["negatives"], is_new(inputs["negative_dynamic"]), training=training)
        segment = inputs["segment"]
        causal = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)
        visible = causal[None] & (segment[:, :, None] == segment[:, None, :])
        width = positive.shape[-1]
        time, has_history = inputs["time"], inputs["position"] > 0
        earlier = tf.concat([time[:, :1], time[:, :-1]], axis=1)
        states = self.query.states(
            tf.reshape(positive, [rows, length, width]),
            inputs["fraction"],
            log_gap(time, earlier, has_history),
            position=inputs["position"],
            visible=visible,
            training=training,
        )
        before = tf.reshape(tf.concat([tf.zeros_like(states[:, :1]), states[:, :-1]], axis=1), [-1, width])
        profile = {name: tf.reshape(inputs[name], [-1]) for name in ("country", "language", "age")}
        moment = context(*(tf.reshape(part, [-1]) for part in (time, earlier, has_history)))
        queries = self.query(before, tf.reshape(has_history, [-1]), profile, moment)
        candidates = self.candidate(positive, inputs["dynamic"])
        others = self.candidate(negative, inputs["negative_dynamic"])
        if self._exact:
            (others,) = self._group.whole([others], [inputs["negative_exists"].shape[0]])
            ids = tf.gather(inputs["ids"], inputs["place"])
            seen = None if self._seen_negatives else _seen(visible, ids, tf.shape(others)[0])
            loss = self._exact_loss(queries, candidates, others, inputs, seen)
        else:
            sizes = [inputs["user"].shape[0] // segment.shape[1], inputs["negative_exists"].shape[0]]
            by_row = tf.reshape(candidates, [rows, segment.shape[1] * candidates.shape[1]])
            by_row, others = self._group.whole([by_row, others], sizes)
            candidates = tf.reshape(by_row, [-1, candidates.shape[1]])
            loss = self._sampled_loss(queries, candidates, others, inputs)
        return loss / tf.maximum(tf.reduce_sum(inputs["weight"]), 1.0)

    def _exact_loss(self, queries: Any, candidates: Any, others: Any, inputs: dict[str, Any], seen: Any = None) -> Any:
        """Softmax over the catalogue `others`, in which each watched video has its vector of that moment.

        `seen` [r * l, v] is True at what is no negative of a watch, because its viewer had watched it before."""
        row, weight = (tf.gather(inputs[name], inputs["place"]) for name in ("ids", "weight"))
        own = tf.reduce_sum(queries * candidates, axis=1)
        exists = inputs["negative_exists"][None, :]
        loss = catalogue_softmax(
            queries, others, own, row, exists if seen is None else exists & ~seen, self._compute_type
        )
        return tf.reduce_sum(loss * weight)

    def _sampled_loss(self, queries: Any, candidates: Any, others: Any, inputs: dict[str, Any]) -> Any:
        """Softmax over the videos of the step and the sampled ones, each logit less the log of its probability."""
        columns = tf.concat([candidates, others], axis=0)
        exists = tf.concat([inputs["user"] >= 0, inputs["negative_exists"]], axis=0)
        add = tf.where(exists, tf.zeros_like(columns[:, -1]), _ABSENT)
        if self._log_q:
            add -= tf.math.log(inputs["probability"])
        place = inputs["place"]
        weight = tf.gather(inputs["weight"], place)
        return sampled_softmax(queries, place, columns, add, inputs["ids"], inputs["user"], weight)


def _seen(visible: Any, ids: Any, num_videos: Any) -> Any:
    """[r * l, v] True at the videos before a watch in its run: visible [r, l, l], ids [r * l] of videos."""
    rows, length = tf.unstack(tf.shape(visible, tf.int64)[:2])
    before = tf.where(visible & ~tf.eye(length, dtype=tf.bool)[None])
    watch, earlier = before[:, 0] * length + before[:, 1], before[:, 0] * length + before[:, 2]
    place = tf.stack([watch, tf.gather(ids, earlier)], axis=1)
    shape = tf.stack([rows * length, tf.cast(num_videos, tf.int64)])
    return tf.raw_ops.SparseToDense(
        sparse_indices=place, output_shape=shape, sparse_values=True, default_value=False, validate_indices=False
    )


class SavedTowers(tf.Module):
    """Both towers as they are served: keys and strings go in, vectors come out; all preprocessing is in the graph.

    `contents` [v + 2, width] is what the query tower reads of each video of the catalogue, computed once.
    """

    def __init__(
        self,
        model: TwoTower,
        preprocessing: VideoPreprocessing,
        catalogue: Vocabulary,
        countries: Vocabulary,
        languages: Vocabulary,
    ) -> None:
        super().__init__(name="towers")
        self.model, self.preprocessing, self.catalogue = model, preprocessing, catalogue
        self.countries, self.languages = countries, languages
        self.contents = tf.Variable(tf.zeros([catalogue.size, model.candidate.width]), trainable=False)

    @graph(
        input_signature=[
            {
                "history_videos": tf.TensorSpec([None, None], tf.int64, "history_videos"),
                "history_times": tf.TensorSpec([None, None], tf.int64, "history_times"),
                "history_fractions": tf.TensorSpec([None, None], tf.float32, "history_fractions"),
                "time": tf.TensorSpec([None], tf.int64, "time"),
                "country": tf.TensorSpec([None], tf.int64, "country"),
                "language": tf.TensorSpec([None], tf.int64, "language"),
                "age": tf.TensorSpec([None], tf.int32, "age"),
            }
        ]
    )
    def query(self, viewers: dict[str, Any]) -> Any:
        """Query vectors [q, width + 1].

        Args:
          viewers: `history_videos` keys, `history_times` [microseconds] and `history_fractions` [q, h] with h at least
            1, left-aligned, oldest first, padded with 0; `time` of the request [q, microseconds]; `country` and
            `language` keys [q]; `age` years [q], -1 unknown.
        """
        history, times = viewers["history_videos"], viewers["history_times"]
        codes, present = self.catalogue(history), history != 0
        length = tf.shape(codes)[1]
        causal = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)
        position = tf.broadcast_to(tf.range(length)[None, :], tf.shape(codes))
        visible = causal[None] & present[:, None, :] | tf.eye(length, dtype=tf.bool)[None]
        gaps = log_gap(times, tf.concat([times[:, :1], times[:, :-1]], axis=1), position > 0)
        content = tf.gather(self.contents, codes)
        states = self.model.query.states(
            content, viewers["history_fractions"], gaps, position=position, visible=visible
        )
        size = tf.reduce_sum(tf.cast(present, tf.int32), axis=1)
        newest = tf.maximum(size - 1, 0)
        profile = {
            "country": self.countries(viewers["country"]),
            "language": self.languages(viewers["language"]),
            "age": age_bucket(viewers["age"]),
        }
        moment = context(viewers["time"], tf.gather(times, newest, batch_dims=1), size > 0)
        return self.model.query(tf.gather(states, newest, batch_dims=1), size > 0, profile, moment)

    @graph(input_signature=[])
    def query_weights(self) -> dict[str, Any]:
        """What `PageQuery` computes with beside `contents`, by name; a layer that there is not is left out."""
        named = dict(self.model.query.weights_by_name())
        vocabularies = {"video": self.catalogue, "country": self.countries, "language": self.languages}
        for name, vocabulary in vocabularies.items():
            named[f"{name}_keys"], named[f"{name}_codes"] = vocabulary.table.export()
        return named

    @graph(
        input_signature=[
            {
                **{name: tf.TensorSpec([None], tf.int64, name) for name in ("video", "channel", "language")},
                "topics": tf.TensorSpec([None, None], tf.int64, "topics"),
                "title": tf.TensorSpec([None, None], tf.int32, "title"),
                "duration_s": tf.TensorSpec([None], tf.float32, "duration_s"),
                "dynamic": tf.TensorSpec([None, None], tf.float32, "dynamic"),
            }
        ]
    )
    def candidate(self, videos: dict[str, Any]) -> Any:
        """Candidate vectors [n, width + 1] of videos that the vocabulary may or may not know."""
        dynamic = videos["dynamic"]
        return self.model.candidate(self.model.content(self.preprocessing(videos), is_new(dynamic)), dynamic)

    @graph(input_signature=[])
    def candidate_weights(self) -> dict[str, Any]:
        """What `PageCandidates` computes with, by name, the embeddings of videos as `ids`."""
        content, known = self.model.content, self.preprocessing
        named = {"ids": tf.identity(content.video.embeddings)} | dict(content.weights_by_name())
        named |= dict(self.model.candidate.weights_by_name())
        vocabularies = {
            "video": known.videos,
            "channel": known.channels,
            "topic": known.topics,
            "language": known.languages,
        }
        for name, vocabulary in vocabularies.items():
            named[f"{name}_keys"], named[f"{name}_codes"] = vocabulary.table.export()
        return named

    def save(self, path: Path) -> None:
        """Write `contents` and the functions above to the folder `path`."""
        save_graph(self, ("contents", "query", "query_weights", "candidate", "candidate_weights"), path)
