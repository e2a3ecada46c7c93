"""What trainers exchange in a step: dense slopes as one sum, slopes of table rows as rows."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.row_sums import row_sums
from models.trainers.job import TrainersError

#: Of TensorFlow's collectives: the one group, and the first name of an exchange.
_GROUP, _FIRST = 1_000, 1_000


class Group:
    """The trainers of one model, as one of them sees them. One alone exchanges nothing.

    Attributes:
      rank: of this one; 0 is the chief.
      num: how many there are.
    """

    def __init__(self, rank: int = 0, num: int = 1, timeout_s: float = 0.0, strategy: Any = None) -> None:
        """`timeout_s` bounds an exchange; `strategy` is what connects them (`models.trainers.cluster`)."""
        self.rank, self.num = rank, num
        self._timeout_s, self._strategy, self._next = timeout_s, strategy, _FIRST

    def share(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """The part of each batch [steps, n] that this trainer learns, [steps, n / num]."""
        return order[:, self.rank :: self.num]

    def mean(self, loss: Any, slopes: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Means over the trainers of a loss and of its slopes, the same bits on each of them.

        A step costs two exchanges: a sum of everything dense, in one vector which also holds how many rows of each
        table a trainer has, and then those rows, each with its number and its sum.

        Args:
          loss: of this trainer's part of the batch.
          slopes: dense tensors, or `IndexedSlices` of a table; in the order of the weights, which is the same on all.

        Returns:
          The mean loss, and the mean slopes; rows that several trainers have occur several times.
        """
        if self.num == 1:
            return loss, list(slopes)
        tables = {place: _summed(slope) for place, slope in enumerate(slopes) if isinstance(slope, tf.IndexedSlices)}
        dense = {place: slope for place, slope in enumerate(slopes) if place not in tables}
        counts = tf.reshape(
            tf.one_hot(self.rank, self.num)[:, None]
            * tf.stack([tf.cast(len_of(rows), tf.float32) for rows, _ in tables.values()] or [tf.zeros([])]),
            [-1],
        )
        parts = [loss[None] / self.num, *(tf.reshape(slope / self.num, [-1]) for slope in dense.values()), counts]
        loss, *flat, counts = tf.split(
            self._sum(tf.concat(parts, 0)),
            [1, *(s.shape.num_elements() for s in dense.values()), self.num * max(1, len(tables))],
        )
        found = {place: tf.reshape(part, s.shape) for (place, s), part in zip(dense.items(), flat, strict=True)}
        if tables:
            counts = tf.cast(tf.reshape(counts, [self.num, len(tables)]), tf.int32)
            found |= self._gathered(tables, counts)
        return loss[0], [
            tf.IndexedSlices(found[place][1] / self.num, found[place][0], slope.dense_shape)
            if place in tables
            else found[place]
            for place, slope in enumerate(slopes)
        ]

    def check_same(self, weights: Sequence[Any], when: str) -> None:
        """Compare weights between the trainers.

        Raises:
          TrainersError: they are not the same bits on all of them.
        """
        if self.num == 1:
            return
        digest = hashlib.sha256()
        for weight in weights:
            digest.update(np.ascontiguousarray(weight.numpy()).data)
        own = np.frombuffer(digest.digest(), np.int64)
        every = tf.function(self._gather)(tf.constant(own[None])).numpy()
        others = [rank for rank in range(self.num) if (every[rank] != own).any()]
        if others:
            raise TrainersError(
                f"{when} the weights of trainer {self.rank} are not those of trainers {others}: they have to run "
                "the same version of Homefeed on processors of one kind, and to read the same lake"
            )

    def _gathered(self, tables: dict[int, tuple[Any, Any]], counts: Any) -> dict[int, tuple[Any, Any]]:
        """Rows and sums of each table of all trainers; [num, tables] says how many each has."""
        # All trainers send blocks of one length.
        most = tf.reduce_max(counts, axis=0)
        blocks, sizes = [], []
        for number, (rows, sums) in enumerate(tables.values()):
            # Nothing is computed with a row's number on its way, so its bits can travel as those of a float.
            block = tf.concat([tf.bitcast(tf.cast(rows, tf.int32), tf.float32)[:, None], sums], 1)
            block = tf.pad(block, [[0, most[number] - len_of(rows)], [0, 0]])
            blocks.append(tf.reshape(block, [-1]))
            sizes.append(most[number] * block.shape[1])
        received = tf.split(self._gather(tf.concat(blocks, 0)[None]), sizes, axis=1)
        found = {}
        for number, (place, (_, sums)) in enumerate(tables.items()):
            width = sums.shape[1] + 1
            each = tf.reshape(received[number], [self.num, -1, width])
            block = tf.concat([each[rank, : counts[rank, number]] for rank in range(self.num)], 0)
            found[place] = (tf.bitcast(block[:, 0], tf.int32), block[:, 1:])
        return found

    def _sum(self, vector: Any) -> Any:
        return tf.raw_ops.CollectiveReduceV2(input=vector, merge_op="Add", final_op="Id", **self._exchange())

    def _gather(self, rows: Any) -> Any:
        """[n, ...] of each trainer -> [num * n, ...]."""
        return tf.raw_ops.CollectiveGatherV2(input=rows, **self._exchange())

    def _exchange(self) -> dict[str, Any]:
        """A new exchange; the trainers build the same graphs in the same order, so they agree on its name."""
        self._next += 1
        return {
            "group_size": self.num,
            "group_key": _GROUP,
            "instance_key": self._next,
            "ordering_token": [],
            "communication_hint": "ring",
            "timeout_seconds": self._timeout_s,
        }


def len_of(rows: Any) -> Any:
    """Length of the first dimension."""
    return tf.shape(rows)[0]


def _summed(slope: Any) -> tuple[Any, Any]:
    """The rows [u] of a table that a slope touches, each once, and the sum of each, [u, w]."""
    indices = tf.reshape(slope.indices, [-1])
    rows, place = tf.unique(indices)
    width = slope.dense_shape[1]
    width = tf.get_static_value(width) or slope.values.shape[-1]
    return rows, row_sums(tf.reshape(slope.values, [-1, width]), place, len_of(rows))
