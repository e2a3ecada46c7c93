"""Tables whose rows are divided among trainers: a step pulls the rows that it reads from their owners, and pushes their
slopes there.

Row r belongs to trainer r % num, where it is row r // num.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.graph import graph
from models.row_sums import row_sums
from models.table import Table
from models.trainers.group import Group, len_of

#: Rows of a table that the chief pulls at once to put it together.
_BLOCK = 65_536


@dataclass(frozen=True)
class Pulled:
    """Rows that this trainer reads, and what it needs to push their slopes.

    Attributes:
      rows: of each table [u, width], each row once, those of the first owner first.
      asked: of each table and trainer, how many rows were asked of it.
      given: of each table and trainer, the rows of this one that it asked for [.].
    """

    rows: list[Any]
    asked: list[list[Any]]
    given: list[list[Any]]


class Owners:
    """The divided tables of a network, as one of their owners sees them.

    All trainers call the same methods in the same order. Where no table is divided nothing is exchanged.
    """

    def __init__(self, group: Group, tables: Mapping[Table, Sequence[str]]) -> None:
        """`tables` with the names of the codes that read them; those that are whole are left out."""
        self._group = group
        self._tables = [table for table in tables if table.is_divided]
        self._columns = [tables[table] for table in self._tables]
        self._graphs: dict[str, Any] = {}

    def __bool__(self) -> bool:
        """Whether a table is divided."""
        return bool(self._tables)

    def parts(self, weights: Sequence[Any]) -> dict[int, slice]:
        """Of each divided table its place among `weights` -> the rows that this trainer holds."""
        places = {id(weight): place for place, weight in enumerate(weights)}
        return {places[id(table.embeddings)]: table.part for table in self._tables}

    def pull(self, codes: Mapping[str, Any]) -> tuple[dict[str, Any], Pulled]:
        """In a graph: the rows that codes read.

        Args:
          codes: name -> [n, ...], at least those of the divided tables; n may be 0.

        Returns:
          `codes` with places in `Pulled.rows` for those of divided tables, and what was pulled.
        """
        places, wanted = dict(codes), []
        for columns in self._columns:
            flat = [tf.reshape(codes[name], [-1]) for name in columns]
            local, place = self._by_owner(tf.concat(flat, 0))
            wanted.append(local)
            for name, own in zip(columns, tf.split(place, [len_of(each) for each in flat]), strict=True):
                places[name] = tf.reshape(own, tf.shape(codes[name]))
        return places, self._pulled(wanted, [table.embeddings for table in self._tables])

    def push(self, pulled: Pulled, slopes: Sequence[Any]) -> list[Any]:
        """In a graph: slopes of `pulled.rows` go to the owners; those of this trainer's rows, as `IndexedSlices` in
        which a row occurs once for each trainer that read it."""
        sums = [_summed(slope, len_of(rows)) for slope, rows in zip(slopes, pulled.rows, strict=True)]
        received = self._swapped([tf.split(own, counts) for own, counts in zip(sums, pulled.asked, strict=True)])
        return [
            tf.IndexedSlices(tf.concat(values, 0), tf.concat(given, 0))
            for values, given in zip(received, pulled.given, strict=True)
        ]

    def look(self, codes: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        """`pull` for a trainer that only reads: places, and the rows of each table."""
        if not self._tables:
            return dict(codes), []
        read = {name: codes[name] for columns in self._columns for name in columns}
        if "look" not in self._graphs:
            # One graph for any number of exposures: all trainers have to build the same ones.
            signature = {name: tf.TensorSpec([None, *code.shape[1:]], code.dtype) for name, code in read.items()}
            self._graphs["look"] = graph(self._looked, input_signature=[signature])
        places, rows = self._graphs["look"](read)
        return {**codes, **places}, rows

    @contextmanager
    def reading(self, rows: Sequence[Any]) -> Iterator[None]:
        """Within this, the divided tables read rows that were pulled; without any, their own."""
        with ExitStack() as stack:
            for table, own in zip(self._tables, rows, strict=bool(rows)):
                stack.enter_context(table.reading(own))
            yield

    def whole(self, number: int, rows: Any) -> NDArray[Any] | None:
        """On the chief, what belongs to the rows of a divided table, put together; None on the others.

        Args:
          number: which table.
          rows: [., width] of this trainer's rows: a variable, a tensor or an array.
        """
        size, name = self._tables[number].size, f"whole {rows.shape[1]}"
        if name not in self._graphs:
            signature = [tf.TensorSpec([None, rows.shape[1]]), tf.TensorSpec([None], tf.int32)]
            self._graphs[name] = graph(self._some, input_signature=signature)
        own = tf.convert_to_tensor(rows)
        is_chief = self._group.rank == 0
        found = np.empty((size if is_chief else 0, rows.shape[1]), np.float32)
        for first in range(0, size, _BLOCK):
            block = slice(first, min(first + _BLOCK, size) if is_chief else first)
            found[block] = self._graphs[name](own, tf.range(block.start, block.stop))
        return found if is_chief else None

    def told(self, number: float) -> float:
        """The chief's number, on each of the trainers."""
        return self._group.told(number)[0] if self._tables else number

    def _looked(self, codes: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        places, pulled = self.pull(codes)
        return places, pulled.rows

    def _some(self, held: Any, codes: Any) -> Any:
        local, place = self._by_owner(codes)
        return tf.gather(self._pulled([local], [held]).rows[0], place)

    def _by_owner(self, codes: Any) -> tuple[list[Any], Any]:
        """Codes [n] -> of each owner its rows that occur, each once, and the places of all codes among those of the
        first, the second, ..."""
        distinct, place = tf.unique(codes)
        num = self._group.num
        order = tf.dynamic_partition(tf.range(len_of(distinct)), distinct % num, num)
        moved = tf.math.invert_permutation(tf.concat(order, 0))
        return [tf.gather(distinct, own) // num for own in order], tf.gather(moved, place)

    def _pulled(self, wanted: list[list[Any]], held: list[Any]) -> Pulled:
        """Of each table the rows that are `wanted` of each owner, from what each has `held`."""
        given = self._swapped(wanted)
        answers = [[tf.gather(own, rows) for rows in table] for own, table in zip(held, given, strict=True)]
        rows = [tf.concat(table, 0) for table in self._swapped(answers)]
        return Pulled(rows, [[len_of(own) for own in table] for table in wanted], given)

    def _swapped(self, parts: list[list[Any]]) -> list[list[Any]]:
        """Rows [n] or [n, width] of each table for each trainer -> those of each table from each trainer."""
        rank, num = self._group.rank, self._group.num
        sent = [[tf.reshape(table[to], [-1]) for table in parts] for to in range(num) if to != rank]
        received = self._group.swap(sent, parts[0][0].dtype)
        # What a trainer asks of itself does not travel.
        found = [*received[:rank], [table[rank] for table in parts], *received[rank:]]
        return [
            [tf.reshape(found[of][number], [-1, *table[0].shape[1:]]) for of in range(num)]
            for number, table in enumerate(parts)
        ]


def _summed(slope: Any, num: Any) -> Any:
    """A slope of `num` rows as one row each."""
    if not isinstance(slope, tf.IndexedSlices):
        return slope
    return row_sums(slope.values, tf.reshape(slope.indices, [-1]), num)
