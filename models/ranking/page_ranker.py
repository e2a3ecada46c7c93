"""The ranker for one page: the same network with what depends on a video alone, or on the viewer alone, computed apart.

Of the inputs of the trunk some are of the candidate (its embeddings and aggregates), some of the viewer and some of
both. Those of a candidate are computed once per snapshot (`page_parts`), and so is what the straight pieces add to the
logits for them. Those of the viewer go once through every layer (`page_viewer`): with x = x0 * gate and a gate that is
linear in the two cross layers' projections p, a product of the viewer's rows of x with W becomes p @ M, where M = (U *
x0) @ W is computed once per page. What is left for each candidate are four fifths of the network's products, which
`page_scores` computes. All of it is numpy: what follows is the network's weights as these three read them.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from homefeed.features import ENTITIES, SPANS, TARGETS
from models.ranking.constants import NUM_AFFINITIES, RATED_MEASURES
from models.ranking.network import DURATION, Ranker
from models.ranking.owners import OWNERS, PAIR
from models.ranking.preprocessing import Preprocessing

#: Owner of each column of `statistics.widened`.
_WIDE_OWNERS = np.array(
    [*OWNERS, *(entity for _ in RATED_MEASURES for entity in ENTITIES for _ in SPANS), *[PAIR] * (2 * NUM_AFFINITIES)]
)


class PageRanker(tf.Module):
    """What `PageParts`, `Viewers` and `PageScores` need to answer what `SavedRanker.score` answers."""

    def __init__(self, network: Ranker, preprocessing: Preprocessing) -> None:
        super().__init__(name="page_ranker")
        self._network, self._preprocessing = network, preprocessing
        num = len(_WIDE_OWNERS)
        self._columns = {of: np.flatnonzero(of == _WIDE_OWNERS) for of in (*ENTITIES, PAIR)}
        places = {of: np.concatenate([columns, num + columns]) for of, columns in self._columns.items()}
        width = int(network.topic.output_dim)
        item, focus, item_mean, item_focus, side, side_mean = 2 * num + width * np.arange(6)[:, None] + np.arange(width)
        language = 2 * num + 6 * width + np.arange(int(network.language.output_dim))
        #: Rows of the trunk's input, in the order in which `page_scores` puts the candidates' and the viewer's.
        self._candidate = np.concatenate(
            [
                *(places["video"], item, side, language, places["channel"], places["topic"]),
                *(places[PAIR], focus, item_mean, item_focus, side_mean),
            ]
        )
        self._last_dense = int(language[-1]) + 1
        self._user = places["user"]

    def weights(self) -> dict[str, Any]:
        """Everything that they compute with, by name: the rows of the trunk's input are in the order of their matrices,
        those of the candidates apart from those of the viewer."""
        network, own = self._network, self._preprocessing
        out = tf.concat([network.expert_hidden.kernel, network.gate.kernel], axis=1)
        named = {
            "attention": network.attention.kernel,
            "topics": network.topic_table(),
            "crossed": network.crosses.topic,
            "expert_out": network.expert_out,
            "head": network.head,
            "head_bias": network.head_bias,
            "out_bias": tf.concat([network.expert_hidden.bias, network.gate.bias], axis=0),
            "item": tf.constant(2.0 * len(self._columns["video"])),
            "duration": tf.constant(float(self._columns["video"].tolist().index(DURATION))),
            "phase": network.crosses.phase[:, 0],
            "length": network.crosses.length,
            "alone": network.alone(),
            "slot": tf.concat([tf.zeros([1, 0]), *network.hidden_slot_features()], axis=1)[0],
        }
        spread = {"least": own.least, "most": own.most, "mean": own.mean, "deviation": own.deviation}
        for of, columns in self._columns.items():
            named |= {f"{of}_{name}": tf.gather(column, columns) for name, column in spread.items()}
            named[f"{of}_low"], named[f"{of}_width"] = network.corners(columns)
            named[f"{of}_wide"] = tf.reshape(tf.gather(self._wide(), columns), [-1, len(TARGETS)])
        for name in ("video", "channel", "country", "language", "age", "device"):
            named[f"{name}_table"] = getattr(network, name).embeddings
        viewer = np.concatenate([self._user, np.arange(self._last_dense, int(out.shape[0]))])
        for name, rows in (("candidate", self._candidate), ("viewer", viewer)):
            named[f"{name}_out"] = tf.gather(out, rows)
            for number, layer in enumerate(network.cross):
                named[f"{name}_down_{number}"] = tf.gather(layer._dense_u.kernel, rows)
                named[f"{name}_up_{number}"] = tf.gather(layer._dense_v.kernel, rows, axis=1)
                named[f"{name}_bias_{number}"] = tf.gather(layer._dense_v.bias, rows)
        vocabularies = {"video": own.videos, "channel": own.channels, "topic": own.topics, "language": own.languages}
        vocabularies |= {"country": own.countries, "device": own.devices}
        for name, vocabulary in vocabularies.items():
            named[f"{name}_keys"], named[f"{name}_codes"] = vocabulary.table.export()
        return {name: tf.identity(weight) for name, weight in named.items()}

    def _wide(self) -> Any:
        return tf.reshape(self._network.wide.kernel, [len(_WIDE_OWNERS), -1, len(TARGETS)])
