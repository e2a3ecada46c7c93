"""The lake: one commit replaces exactly the windows it names."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from homefeed.lake import Lake, LakeError, open_lake

A, B, C = "20261123T2200Z", "20261123T2210Z", "20261123T2220Z"
SCHEMA = pa.schema([("window", pa.string()), ("n", pa.int64())])


def rows(*pairs: tuple[str, int]) -> pa.Table:
    return pa.table({"window": [w for w, _ in pairs], "n": [n for _, n in pairs]}, schema=SCHEMA)


def content(table: pa.Table) -> list[tuple[str, int]]:
    return sorted(zip(*table.to_pydict().values(), strict=True))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", {"t": SCHEMA})


def test_a_table_that_was_never_written_is_empty(lake: Lake) -> None:
    assert lake.read("t").num_rows == 0
    assert lake.read("t").schema == SCHEMA
    assert (lake.version("t"), lake.windows("t"), lake.files("t")) == (-1, [], [])


def test_replacing_a_window_twice_leaves_the_same_table(lake: Lake) -> None:
    lake.replace("t", [A], rows((A, 1), (A, 2)))
    lake.replace("t", [B], rows((B, 3)))
    lake.replace("t", [A], rows((A, 1), (A, 2)))
    assert content(lake.read("t")) == [(A, 1), (A, 2), (B, 3)]


def test_a_commit_answers_the_version_that_it_made(lake: Lake) -> None:
    assert [lake.replace("t", [A], rows((A, 1))) for _ in range(2)] == [1, 2]
    draft = lake.draft("t") / f"window={B}"
    draft.mkdir(parents=True)
    pq.write_table(pa.table({"n": [5]}), draft / "part.parquet")
    left = draft.parent / "_temporary" / draft.name
    left.mkdir(parents=True)
    pq.write_table(pa.table({"n": [6]}), left / "part.parquet")
    assert lake.adopt("t", [B], draft.parent, 1) == lake.version("t") == 3
    assert content(lake.read("t")) == [(A, 1), (B, 5)]


def test_several_windows_are_replaced_in_one_commit_and_others_stay(lake: Lake) -> None:
    first = lake.replace("t", [A, B, C], rows((A, 1), (B, 2), (C, 3)))
    second = lake.replace("t", [A, B], rows((B, 20)))
    assert second == first + 1
    assert content(lake.read("t")) == [(B, 20), (C, 3)]
    assert lake.windows("t") == [B, C]


def test_a_reader_gets_the_version_and_the_range_it_names(lake: Lake) -> None:
    old = lake.replace("t", [A, B, C], rows((A, 1), (B, 2), (C, 3)))
    lake.replace("t", [A, B, C], rows())
    assert content(lake.read("t", version=old, windows=(B, C))) == [(B, 2), (C, 3)]
    assert lake.read("t").num_rows == 0
    assert lake.read("t", columns=["n"], version=old).column_names == ["n"]


def test_rows_of_other_windows_are_refused_and_nothing_is_written(lake: Lake) -> None:
    with pytest.raises(LakeError, match="rows of .*20261123T2210Z"):
        lake.replace("t", [A], rows((A, 1), (B, 2)))
    assert lake.version("t") == -1


def test_rows_that_do_not_fit_the_schema_are_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match="do not fit its schema"):
        lake.replace("t", [A], pa.table({"window": [A], "n": ["many"]}))
    with pytest.raises(LakeError, match="do not fit its schema"):
        lake.replace("t", [A], pa.table({"window": [A]}))


def test_unknown_tables_and_versions_are_named(lake: Lake) -> None:
    with pytest.raises(LakeError, match="no table 'x'; tables are t"):
        lake.read("x")
    lake.replace("t", [A], rows((A, 1)))
    with pytest.raises(LakeError, match="t at version 99"):
        lake.read("t", version=99)


def test_vacuuming_keeps_the_rows(lake: Lake) -> None:
    for n in range(3):
        lake.replace("t", [A], rows((A, n)))
    lake.vacuum("t")
    assert content(lake.read("t")) == [(A, 2)]


def test_the_platform_s_tables_can_all_be_read_before_anything_was_written(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    for table, schema in lake.schemas.items():
        assert lake.read(table).schema.names == schema.names
