"""The lake in an object store is the lake on disk: the same commits, versions and rows."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from homefeed.ingest.window import ingest_windows
from homefeed.lake import Lake, LakeError, open_lake
from homefeed.object_store import ObjectStore, StoreError
from homefeed.settings import Settings, load
from homefeed.settings.storage import StorageSettings, StoreFolder
from homefeed.windows import shift
from tests.homefeed.ingest.test_window import event, write
from tests.homefeed.store_gate import gate_before

A, B = "20261123T2200Z", "20261123T2210Z"
SCHEMA = pa.schema([("window", pa.string()), ("n", pa.int64())])


def rows(*pairs: tuple[str, int]) -> pa.Table:
    return pa.table({"window": [w for w, _ in pairs], "n": [n for _, n in pairs]}, schema=SCHEMA)


def content(table: pa.Table) -> list[tuple[str, int]]:
    return sorted(zip(*table.to_pydict().values(), strict=True))


@pytest.fixture
def lake(s3) -> Lake:
    storage = StorageSettings(**s3.storage(s3.bucket()))
    return Lake(StoreFolder(storage.url, storage) / "lake", {"t": SCHEMA})


def test_windows_are_replaced_and_versions_stay_readable(lake: Lake) -> None:
    assert (lake.version("t"), lake.windows("t"), lake.read("t").num_rows) == (-1, [], 0)
    first = lake.replace("t", [A, B], rows((A, 1), (B, 2)))
    lake.replace("t", [A], rows((A, 10)))
    lake.replace("t", [A], rows((A, 10)))
    assert content(lake.read("t")) == [(A, 10), (B, 2)]
    assert content(lake.read("t", (A, A), version=first)) == [(A, 1)]
    assert lake.windows("t") == [A, B]


def test_duckdb_reads_the_files_where_they_lie(lake: Lake) -> None:
    lake.replace("t", [A, B], rows((A, 1), (B, 2)))
    with duckdb.connect() as connection:
        lake.attach(connection)
        found = connection.sql(f"SELECT n FROM read_parquet({lake.files('t', (B, B))}, hive_partitioning = true)")
        assert found.fetchall() == [(2,)]


def test_files_of_another_program_are_taken_up_and_those_of_a_task_that_failed_are_not(lake: Lake) -> None:
    lake.replace("t", [A, B], rows((A, 1), (B, 2)))
    draft = lake.draft("t")
    store = ObjectStore(draft)
    for name, numbers in (("done", [3, 4]), ("failed", [3])):
        with store.create(f"window={B}/{name}.parquet") as file:
            pq.write_table(pa.table({"n": numbers}), file)
    done = {f"window={B}/done.parquet"}
    with pytest.raises(
        LakeError, match=r"3 rows of t were written and s3://.*/part-\w+ holds 2; nothing was committed"
    ):
        lake.adopt("t", [B], draft, 3, names=done)
    with pytest.raises(LakeError, match=f"rows of .*{B}.* in a commit that replaces {A}"):
        lake.adopt("t", [A], draft, 2, names=done)
    assert lake.adopt("t", [B], draft, 2, names=done) == lake.version("t") == 2
    assert content(lake.read("t")) == [(A, 1), (B, 3), (B, 4)]
    assert lake.num_rows("t") == {A: 1, B: 2}


def test_what_fails_while_it_is_written_is_not_there(lake: Lake) -> None:
    store = ObjectStore(lake.draft("t"))

    def fail(size: int) -> None:
        with store.create("one") as file:
            file.write(bytes(size))
            raise ValueError("half")

    for size in (10, 60 << 20):  # the second is sent in parts
        with pytest.raises(StoreError, match="one cannot be written: ValueError: half"):
            fail(size)
        assert store.names() == []
    with store.create("one") as file:
        file.write(b"whole")
    assert store.read("one") == b"whole"


def test_vacuum_leaves_the_version_that_a_manifest_names(lake: Lake) -> None:
    named = lake.replace("t", [A], rows((A, 1)))
    unnamed = lake.replace("t", [A], rows((A, 2)))
    lake.replace("t", [A], rows((A, 3)))
    assert len(lake.vacuum("t", keep_hours=0, keep_versions=[named])) == 1
    assert content(lake.read("t", version=named)) == [(A, 1)]
    assert content(lake.read("t")) == [(A, 3)]
    with pytest.raises(Exception, match=r"404|not found|NoSuchKey"):
        lake.read("t", version=unnamed)


def test_two_writers_at_once_lose_nothing(lake: Lake) -> None:
    """Each commits windows of its own; one that comes second is told and tries again, as a task does."""
    lake.replace("t", [A], rows((A, 0)))

    def write_window(number: int) -> None:
        window = shift(B, number)
        for _ in range(20):
            try:
                lake.replace("t", [window], rows((window, number)))
                return
            except LakeError:
                continue
        raise AssertionError(f"{window} was never committed")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write_window, range(4)))
    assert content(lake.read("t")) == [(A, 0), *((shift(B, n), n) for n in range(4))]


def test_a_store_that_refuses_is_told_and_nothing_is_committed(s3) -> None:
    with gate_before(s3.endpoint) as gate:
        storage = StorageSettings(**s3.storage(s3.bucket(), endpoint_url=gate.endpoint))
        lake = Lake(StoreFolder(storage.url, storage) / "lake", {"t": SCHEMA})
        lake.replace("t", [A], rows((A, 1)))
        gate.refuse("^PUT")
        with pytest.raises(LakeError, match="t cannot be written.*s3://") as refused:
            lake.replace("t", [A], rows((A, 2)))
        assert "test-secret" not in str(refused.value)
        assert content(lake.read("t")) == [(A, 1)]
        gate.refuse("")
        draft = lake.draft("t")
        with ObjectStore(draft).create(f"window={A}/one.parquet") as file:
            pq.write_table(pa.table({"n": [2]}), file)
        gate.refuse("^PUT .*_delta_log")
        with pytest.raises(LakeError, match="t cannot be written.*s3://"):
            lake.adopt("t", [A], draft, 1)
        assert content(lake.read("t")) == [(A, 1)]
        gate.refuse(".")
        with pytest.raises(LakeError, match="t at version None cannot be read"):
            lake.read("t")


@pytest.mark.slow
def test_ingestion_and_features_make_the_same_rows_as_on_disk(s3, tmp_path: Path) -> None:
    from feature_repo.publish import publish

    def made(settings: Settings) -> dict[str, pa.Table]:
        events = [event(1), event(2, "watch", "22:06:00"), event(3, "video", "22:01:00"), event(4, "user", "22:01:00")]
        write(settings, A, *events, event(5, slot=1), "no JSON")
        report = ingest_windows(settings, [A, B])
        assert (report.accepted, report.quarantined, report.touched) == (5, 1, [A])
        published = publish(settings, report.touched)
        assert published.exposures == {"positive": 2, "negative": 0}
        lake = open_lake(settings.lake_path)
        return {table: lake.read(table) for table in lake.schemas}

    on_disk = made(load(var=tmp_path / "disk"))
    in_store = made(load(var=tmp_path / "var", storage=s3.storage(s3.bucket())))
    assert not (tmp_path / "var" / "lake").exists()
    for table, expected in on_disk.items():
        assert sorted(map(repr, in_store[table].to_pylist())) == sorted(map(repr, expected.to_pylist())), table
