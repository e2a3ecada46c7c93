"""A vocabulary inside the model graph: 63-bit keys become dense codes."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.codes import UNKNOWN


class Vocabulary(tf.Module):
    """Keys in training order -> codes 2, 3, ...; saved with the graph, so training and serving cannot disagree."""

    def __init__(self, keys: NDArray[np.int64], name: str) -> None:
        """`keys` [v] distinct and not 0."""
        super().__init__(name=name)
        self.keys, self.size = keys, len(keys) + 2
        every = np.concatenate([np.zeros(1, np.int64), keys.astype(np.int64)])
        codes = np.concatenate([np.zeros(1, np.int32), np.arange(2, self.size, dtype=np.int32)])
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(every, codes), default_value=UNKNOWN)

    def __call__(self, keys: Any) -> Any:
        """Keys of any shape, int64 -> codes of that shape, int32."""
        return self.table.lookup(tf.convert_to_tensor(keys, tf.int64))


def grown(known: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """`known` in its order, then those of `keys` that are new: codes that were given out never change."""
    return np.concatenate([known, keys[~np.isin(keys, known)]])


def frequent(keys: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    """Keys that occur at least `least` times, most frequent first; 0 is never among them."""
    distinct, counts = np.unique(keys[keys != 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return distinct[order][counts[order] >= least]
