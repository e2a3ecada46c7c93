"""Rows of a snapshot."""

import numpy as np
import pyarrow as pa

from models.snapshot_rows import SnapshotRows


class Counted(dict[str, np.ndarray]):
    """Columns that count how often each is read."""

    def __init__(self) -> None:
        super().__init__(a=np.arange(5) * 10, b=np.arange(5) * 100)
        self.read: list[str] = []

    def __getitem__(self, name: str) -> np.ndarray:
        self.read.append(name)
        return super().__getitem__(name)


def test_a_column_is_taken_when_it_is_read_and_once() -> None:
    columns = Counted()
    rows = SnapshotRows(pa.table({}), columns, np.array([4, 1, 3]))
    assert columns.read == []
    assert rows["a"].tolist() == rows["a"].tolist() == [40, 10, 30]
    assert columns.read == ["a"]
    assert set(rows) == {"row", "a", "b"}
    assert len(rows) == 3


def test_what_is_kept_has_the_same_columns() -> None:
    columns = Counted()
    rows = SnapshotRows(pa.table({}), columns, np.array([4, 1, 3]))
    _ = rows["a"]
    kept = rows.kept(np.array([True, False, True]))
    assert kept["row"].tolist() == [4, 3]
    assert kept["a"].tolist() == [40, 30]
    assert kept["b"].tolist() == [400, 300]
    assert columns.read == ["a", "b"]
    assert kept.kept(np.array([1]))["b"].tolist() == [300]
    assert kept.kept(np.zeros(2, bool))["a"].shape == (0,)
