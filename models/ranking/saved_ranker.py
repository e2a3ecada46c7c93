"""The ranker as it is saved with a release."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, TARGETS
from models.graph import graph, save_graph
from models.ranking.network import Ranker
from models.ranking.page_ranker import PageRanker
from models.ranking.preprocessing import Preprocessing


class SavedRanker(tf.Module):
    """The ranker as it is served: keys and raw features go in, uncalibrated heads come out; all preprocessing is in
    the graph."""

    def __init__(
        self, network: Ranker, preprocessing: Preprocessing, negative_rate: float, mean_watch_s: float
    ) -> None:
        super().__init__(name="ranker")
        self.network, self.preprocessing = network, preprocessing
        self._log_rate, self._mean_watch_s = float(np.log(negative_rate)), mean_watch_s
        self._page = PageRanker(network, preprocessing)

    @graph(
        input_signature=[
            {
                "dense": tf.TensorSpec([None, len(DENSE_FEATURES)], tf.float32, "dense"),
                **{n: tf.TensorSpec([None], tf.int64, n) for n in ("video", "channel", "topic", "language")},
                **{n: tf.TensorSpec([None], tf.int64, n) for n in ("device", "country", "user_language")},
                **{n: tf.TensorSpec([None], tf.int32, n) for n in ("slot", "age")},
                **{n: tf.TensorSpec([None, None], tf.int64, n) for n in ("side_topics", "history_topics")},
                "history_fractions": tf.TensorSpec([None, None], tf.float32, "history_fractions"),
            }
        ]
    )
    def score(self, inputs: dict[str, Any]) -> Any:
        """Columns of `Inputs` -> [n, len(TARGETS)] in the order of TARGETS: probabilities, and `watch_s` in seconds.

        Sources: He et al. 2014, section 6.3 (log-odds of down-sampled negatives); Covington et al. 2016, section 4.2
        (odds of the weighted regression are seconds per exposure that was missed, hence the factor 1 - p).
        """
        return self.heads(self.network(self.preprocessing(inputs)))

    @graph(input_signature=[])
    def page_weights(self) -> dict[str, Any]:
        """What a page is computed with, by name."""
        numbers = {"log_rate": tf.constant(self._log_rate), "mean_watch_s": tf.constant(self._mean_watch_s)}
        return self._page.weights() | numbers

    def save(self, path: Path) -> None:
        """Write the functions above to the folder `path`."""
        save_graph(self, ("score", "page_weights"), path)

    def heads(self, logits: Any) -> Any:
        """Logits of the sampled distribution [n, t] -> heads of the full one [n, t]."""
        watched = tf.sigmoid(logits[:, TARGETS.index("watched")] + self._log_rate)
        columns = []
        for column, target in enumerate(TARGETS):
            logit = logits[:, column]
            if target == "watched":
                columns.append(watched)
            elif target == "watch_s":
                odds = tf.exp(tf.minimum(logit + self._log_rate, 10.0))
                columns.append(odds * self._mean_watch_s * (1 - watched))
            else:
                columns.append(tf.sigmoid(logit))
        return tf.stack(columns, axis=1)


def tensors(columns: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Columns as tensors."""
    return {name: tf.constant(column) for name, column in columns.items()}
