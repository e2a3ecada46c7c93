"""What Spark's workers do with a lake in a store, asked without Spark: `test_engines.py` has a cluster do it."""

import pyarrow as pa
import pytest

from feature_repo.spark_store import _reader, _writer
from homefeed.object_store import ObjectStore, StoreError
from homefeed.settings.storage import StorageSettings, StoreFolder

A, B, C = "20261123T2200Z", "20261123T2210Z", "20261123T2220Z"
SCHEMA = pa.schema([("n", pa.int64()), ("window", pa.string()), ("tags", pa.list_(pa.string()))])


def batch(*pairs: tuple[int, str]) -> pa.RecordBatch:
    numbers, windows = zip(*pairs, strict=True)
    tags = [["t"] * (n % 3) if n % 5 else None for n in numbers]
    return pa.record_batch([pa.array(numbers), pa.array(windows), pa.array(tags, pa.list_(pa.string()))], schema=SCHEMA)


@pytest.fixture
def folder(s3) -> StoreFolder:
    storage = StorageSettings(**s3.storage(s3.bucket()))
    return StoreFolder(storage.url, storage) / "table"


def test_a_task_writes_one_file_for_each_window_and_reads_its_rows_again(folder: StoreFolder) -> None:
    batches = [batch((1, A), (2, A), (3, B)), batch((4, B)), batch((5, B), (6, C))]
    [written] = _writer(folder)(iter(batches))
    names = written.column("name").to_pylist()
    assert [name.split("/")[0] for name in names] == [f"window={A}", f"window={B}", f"window={C}"]
    assert ObjectStore(folder).names() == sorted(names)
    numbers = pa.record_batch({"id": [0, 1, 2]})
    read = pa.Table.from_batches(_reader(folder, names, SCHEMA)(iter([numbers])))
    assert read.schema == SCHEMA
    assert read.to_pylist() == pa.Table.from_batches(batches).to_pylist()
    [some] = _reader(folder, names, SCHEMA)(iter([pa.record_batch({"id": [2]})]))
    assert some.column("n").to_pylist() == [6]


def test_a_task_without_rows_writes_no_file(folder: StoreFolder) -> None:
    for batches in ([], [batch((1, A)).slice(0, 0)]):
        [written] = _writer(folder)(iter(batches))
        assert written.num_rows == 0
    assert ObjectStore(folder).names() == []


def test_a_file_that_is_gone_is_named(folder: StoreFolder) -> None:
    name = f"window={A}/gone.parquet"
    with pytest.raises(StoreError, match=f"s3://.*/table/{name} cannot be read: FileNotFoundError"):
        list(_reader(folder, [name], SCHEMA)(iter([pa.record_batch({"id": [0]})])))
