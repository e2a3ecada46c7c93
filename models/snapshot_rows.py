"""Rows of a snapshot whose columns are taken when they are first asked for: most stages read few of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class SnapshotRows(Mapping[str, NDArray[Any]]):
    """Columns of n rows by name; `row` is the rows themselves.

    Attributes:
      table: the snapshot.
      rows: [n] of it.
    """

    def __init__(self, table: pa.Table, columns: Mapping[str, Any], rows: NDArray[np.int64]) -> None:
        """`columns` are all of the snapshot's, [v] each; rows in brackets give an array."""
        self.table, self.rows, self._columns = table, rows, columns
        self._taken: dict[str, NDArray[Any]] = {"row": rows}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._taken:
            self._taken[name] = self._columns[name][self.rows]
        return self._taken[name]

    def __iter__(self) -> Iterator[str]:
        yield "row"
        yield from self._columns

    def __len__(self) -> int:
        return 1 + len(self._columns)

    def kept(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> "SnapshotRows":
        """Those rows where `kept` [n] is True, or those at positions."""
        fewer = SnapshotRows(self.table, self._columns, self.rows[kept])
        fewer._taken |= {name: column[kept] for name, column in self._taken.items()}
        return fewer
