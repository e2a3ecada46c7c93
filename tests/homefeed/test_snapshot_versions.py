"""What a snapshot was made from stays in its file."""

from pathlib import Path

import pyarrow as pa

from homefeed.snapshot_versions import versions_of, with_versions


def test_a_table_without_versions_says_nothing() -> None:
    assert versions_of(pa.table({"video": [1]}).schema) == ""


def test_versions_survive_the_file(tmp_path: Path) -> None:
    rows = with_versions(pa.table({"video": [1, 2]}), {"videos": 3, "user_state": -1})
    file = tmp_path / "s.arrow"
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    with pa.memory_map(str(file)) as source:
        read = pa.ipc.open_file(source).read_all().combine_chunks()
    assert versions_of(read.schema) == '{"user_state": -1, "videos": 3}'
