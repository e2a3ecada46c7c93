"""What trainers exchange in a step: dense slopes as one sum, slopes of table rows as rows."""

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.graph import graph
from models.row_sums import row_sums
from models.trainers.job import TrainersError
from models.trainers.mesh import Mesh

#: Of TensorFlow's collectives: the one group, and the numbers that one exchange may take, one for each shape.
_GROUP, _SHAPES = 1_000, 1_000_000
#: Rows are sent in blocks of so many numbers.
_BLOCK = 16_384


class Group:
    """The trainers of one model, as one of them sees them. One alone exchanges nothing.

    Attributes:
      rank: of this one; 0 is the chief.
      num: how many there are.
    """

    def __init__(self, rank: int = 0, num: int = 1, timeout_s: float = 0.0, strategy: Any = None) -> None:
        """`timeout_s` bounds an exchange; `strategy` is what connects them (`models.trainers.cluster`)."""
        self.rank, self.num = rank, num
        self._timeout_s, self._strategy, self._next = timeout_s, strategy, 0
        self._owned_rows, self._mesh = 0, Mesh([], timeout_s)
        # Outside of other graphs; one for each shape.
        self._gather_now = graph(self._gather)

    def join(self, mesh: Mesh, owned_rows: int = 0) -> None:
        """From now on, rows travel by `mesh`, and tables of at least `owned_rows` rows are divided; 0 divides none."""
        self._owned_rows, self._mesh = owned_rows, mesh

    def close(self) -> None:
        """Leave the others: nothing is exchanged any more."""
        self._mesh.close()

    @property
    def own(self) -> slice:
        """The rows of a batch that this trainer learns."""
        return slice(self.rank, None, self.num)

    def share(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """The part of each batch [steps, n] that this trainer learns, [steps, n / num]."""
        return order[:, self.own]

    def part(self, size: int) -> slice:
        """The rows of a table of `size` rows that this trainer holds: every `num`-th of one that is divided."""
        is_divided = self._owned_rows and size >= max(self._owned_rows, self.num)
        return self.own if is_divided else slice(None)

    def swap(self, parts: Sequence[Sequence[Any]], kind: Any) -> list[list[Any]]:
        """As `Mesh.swap`."""
        return self._mesh.swap(parts, kind)

    def told(self, number: float) -> list[float]:
        """The numbers that the trainers tell each other, in the order of their ranks."""
        if self.num == 1:
            return [number]
        every = self._gather_now(tf.constant(np.array([number], np.float64).view(np.int64)))
        return [float(one) for one in every.numpy().view(np.float64)]

    def whole(self, parts: Sequence[Any], sizes: Sequence[int]) -> list[Any]:
        """In a graph: arrays of which each trainer has made its `own` rows, put together by one exchange of the mesh.

        The slope of a row is the sum of what all trainers say of it, which takes another exchange.

        Args:
          parts: this trainer's rows of each array, [m, ...], of shapes that are known when the graph is made.
          sizes: rows of each array.

        Returns:
          The arrays, [size, ...] each.
        """
        if self.num == 1:
            return list(parts)
        # All trainers send as much: whoever has a row less sends zeros for it.
        lengths = [-(-size // self.num) for size in sizes]
        even = [
            tf.pad(part, [[0, length - part.shape[0]]] + [[0, 0]] * (len(part.shape) - 1))
            for part, length in zip(parts, lengths, strict=True)
        ]
        every = self._everyone_s(tf.concat([tf.reshape(part, [-1]) for part in even], 0))
        found = []
        pieces = tf.split(every, [part.shape.num_elements() for part in even], axis=1)
        for piece, part, size in zip(pieces, even, sizes, strict=True):
            by_trainer = tf.reshape(piece, [self.num, part.shape[0], -1])
            rows = tf.reshape(tf.transpose(by_trainer, [1, 0, 2]), [-1, *part.shape[1:]])
            found.append(rows[:size])
        return found

    def total(self, loss: Any, slopes: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Sums over the trainers of a loss and of its slopes, the same bits on each of them.

        A step costs one exchange of the mesh, or without it two: a sum of everything dense, in one vector which also
        holds how many rows of each table a trainer has, and then those rows, each with its number and its sum.

        Args:
          loss: of this trainer's part of the batch.
          slopes: dense tensors, or `IndexedSlices` of a table; in the order of the weights, which is the same on all.

        Returns:
          The whole loss, and the whole slopes; rows that several trainers have occur several times.
        """
        if self.num == 1:
            return loss, list(slopes)
        tables = {place: _summed(slope) for place, slope in enumerate(slopes) if isinstance(slope, tf.IndexedSlices)}
        dense = {place: slope for place, slope in enumerate(slopes) if place not in tables}
        if self._mesh:
            return self._total_by_mesh(loss, dense, tables)
        own = tf.stack([tf.cast(len_of(rows), tf.float32) for rows, _ in tables.values()] or [tf.zeros([])])
        counts = tf.one_hot(self.rank, self.num)[:, None] * own
        parts = [loss, *dense.values(), counts]
        whole = self._sum(tf.concat([tf.reshape(part, [-1]) for part in parts], 0))
        split = tf.split(whole, [part.shape.num_elements() for part in parts])
        loss, *sums, counts = (tf.reshape(one, part.shape) for one, part in zip(split, parts, strict=True))
        found: dict[int, Any] = dict(zip(dense, sums, strict=True))
        if tables:
            found |= self._gathered(tables, tf.cast(counts, tf.int32))
        return loss, [found[place] for place in range(len(slopes))]

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
        every = self._gather_now(tf.constant(own[None])).numpy()
        others = [rank for rank in range(self.num) if (every[rank] != own).any()]
        if others:
            raise TrainersError(
                f"{when} the weights of trainer {self.rank} are not those of trainers {others}: they have to run "
                "the same version of Homefeed on processors of one kind, and to read the same lake"
            )

    def _total_by_mesh(
        self, loss: Any, dense: dict[int, Any], tables: dict[int, tuple[Any, Any]]
    ) -> tuple[Any, list[Any]]:
        """As `total`, by one exchange of the mesh."""
        flat = tf.concat([tf.reshape(part, [-1]) for part in (loss, *dense.values())], 0)
        own = [flat]
        for rows, sums in tables.values():
            # Nothing is computed with a row's number on its way, so its bits can travel as those of a float.
            own += [tf.bitcast(tf.cast(rows, tf.int32), tf.float32), tf.reshape(sums, [-1])]
        every = self._every(own)
        # One after the other on each trainer, so that the bits are the same: `add_n` begins with whichever it likes.
        split = tf.split(
            functools.reduce(tf.add, [one[0] for one in every]),
            [1, *(part.shape.num_elements() for part in dense.values())],
        )
        found: dict[int, Any] = {
            place: tf.reshape(one, part.shape) for one, (place, part) in zip(split[1:], dense.items(), strict=True)
        }
        for number, (place, (_, sums)) in enumerate(tables.items()):
            rows, values = (tf.concat([one[1 + 2 * number + k] for one in every], 0) for k in (0, 1))
            values = tf.reshape(values, [-1, sums.shape[1]])
            found[place] = tf.IndexedSlices(values, tf.bitcast(rows, tf.int32))
        return tf.reshape(split[0], []), [found[place] for place in range(len(found))]

    def _every(self, own: list[Any]) -> list[list[Any]]:
        """Vectors of this trainer -> those of each, by the mesh."""
        others = self._mesh.swap([own] * (self.num - 1), own[0].dtype)
        return [*others[: self.rank], own, *others[self.rank :]]

    def _gathered(self, tables: dict[int, tuple[Any, Any]], counts: Any) -> dict[int, Any]:
        """Rows and sums of each table of all trainers; [num, tables] says how many each has."""
        # All trainers send as much: one after the other their rows' numbers and sums, and then zeros.
        widths = [1 + sums.shape[1] for _, sums in tables.values()]
        used = tf.reduce_sum(counts * widths, axis=1)
        parts = []
        for rows, sums in tables.values():
            # Nothing is computed with a row's number on its way, so its bits can travel as those of a float.
            parts += [tf.bitcast(tf.cast(rows, tf.int32), tf.float32), tf.reshape(sums, [-1])]
        blocks = -(-tf.reduce_max(used) // _BLOCK)
        rest = tf.zeros([blocks * _BLOCK - used[self.rank]])
        # Within one call of a graph TensorFlow knows an exchange by its name and refuses it with another shape.
        received = self._gather(tf.concat([*parts, rest], 0)[None], blocks)
        pieces = [
            tf.split(
                received[rank, : used[rank]],
                [size for number, width in enumerate(widths) for size in _sizes(counts[rank, number], width)],
            )
            for rank in range(self.num)
        ]
        found = {}
        for number, place in enumerate(tables):
            rows = tf.bitcast(tf.concat([piece[2 * number] for piece in pieces], 0), tf.int32)
            sums = tf.concat([piece[2 * number + 1] for piece in pieces], 0)
            found[place] = tf.IndexedSlices(tf.reshape(sums, [-1, widths[number] - 1]), rows)
        return found

    def _everyone_s(self, vector: Any) -> Any:
        """Vectors of one length [n], as they are on the trainers -> [num, n]."""

        @tf.custom_gradient
        def gathered(own: Any) -> Any:
            def slope(upstream: Any) -> Any:
                parts = tf.unstack(upstream, self.num)
                sent = [[parts[other]] for other in range(self.num) if other != self.rank]
                received = [one for (one,) in self._mesh.swap(sent, tf.float32)]
                return tf.add_n([parts[self.rank], *received])

            return tf.stack([one for (one,) in self._every([own])]), slope

        return tf.ensure_shape(gathered(vector), [self.num, vector.shape[0]])

    def _sum(self, vector: Any) -> Any:
        return tf.raw_ops.CollectiveReduceV2(input=vector, merge_op="Add", final_op="Id", **self._exchange())

    def _gather(self, rows: Any, shape: Any = 0) -> Any:
        """[n, ...] of each trainer -> [num * n, ...]; each shape that `rows` may have has a number."""
        return tf.raw_ops.CollectiveGatherV2(input=rows, **self._exchange(shape))

    def _exchange(self, shape: Any = 0) -> dict[str, Any]:
        """A new exchange; the trainers build the same graphs in the same order, so they agree on its name."""
        self._next += _SHAPES
        return {
            "group_size": self.num,
            "group_key": _GROUP,
            "instance_key": self._next + shape,
            "ordering_token": [],
            "communication_hint": "ring",
            "timeout_seconds": self._timeout_s,
        }


def len_of(rows: Any) -> Any:
    """Length of the first dimension."""
    return tf.shape(rows)[0]


def _sizes(count: Any, width: int) -> tuple[Any, Any]:
    """Of the numbers of `count` rows, and of their sums."""
    return count, count * (width - 1)


def _summed(slope: Any) -> tuple[Any, Any]:
    """The rows [u] of a table that a slope touches, each once, and the sum of each, [u, w]."""
    rows, place = tf.unique(tf.reshape(slope.indices, [-1]))
    values = tf.reshape(slope.values, [-1, slope.values.shape[-1]])
    return rows, row_sums(values, place, len_of(rows))
