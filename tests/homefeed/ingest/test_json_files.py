"""A row means the same whether its file is read whole, being clean, or line by line, because another row is bad."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from homefeed.ingest import json_files
from homefeed.ingest.batch import connect, read_batch
from homefeed.ingest.lines import read_lines
from homefeed.schema import EVENTS
from homefeed.schema.page import sample
from homefeed.settings import load

WINDOW = "20261123T2200Z"
Rows = list[dict[str, Any]]

VALUES = [
    *(None, True, False, 0, 3, -1, 3.0, 3.5, -0.0, 99, 100, 1e39, 1e308, 10**30, 0.1, 120, 86_400.5),
    *(
        "",
        " ",
        "3",
        "3.0",
        "true",
        "null",
        "NaN",
        "[1]",
        "{}",
        '{"a":1}',
        "[Live] cooking",
        "-",
        "1e5",
        "é" * 32,
        "é" * 33,
    ),
    *(
        "home",
        "Home",
        "like",
        "x" * 64,
        "x" * 65,
        "a\u0000b",
        "\U0001f600",
        "a\\b",
        'a"b',
        "tab\tinside",
        "line\nbreak",
    ),
    *([], [1], ["a"], ["a", None], ["a", 1], [["a"]], {}, {"a": 1}),
    *("2026-11-23T22:05:00Z", "2026-11-23T22:05:00.123456Z", "2026-11-23T22:05:00", "2026-11-23 22:05:00Z"),
    *("2026-11-23T22:05:00+01:00", "2026-11-23T22:05:00-0100", "2026-11-23T22:05:00+01", "2026-11-23T22:05:00z"),
    *("2026-11-23", "2026-11-23T25:05:00Z", "2026-02-30T22:05:00Z", "2036-11-23T22:05:00Z", "infinity", "epoch"),
]
GOOD = json.dumps(sample("impression")).encode()
LINES = [
    *(b"", b" ", b"\r", b"\x0b", b" \x0c\r", b"\x00", b"\xc2\xa0", b"null", b"3", b'"a"', b"[]", b"[1, 2]", b"{}"),
    *(GOOD + GOOD, GOOD + b" " + GOOD, GOOD + b",", GOOD + b"}", GOOD[:-1], GOOD[:-1] + b",}", b"[" + GOOD + b"]"),
    *(
        GOOD + b"\r",
        b" \t" + GOOD,
        b"\x0b" + GOOD,
        GOOD + b"\x0c",
        b"\xc2\xa0" + GOOD,
        b"// no " + GOOD,
        GOOD + b"\x00",
    ),
    *(GOOD.replace(b"viewer", b"\xff"), GOOD.replace(b"viewer", b"\xed\xa0\x80")),
    *(GOOD.replace(b"viewer", rb"\ud800"), GOOD.replace(b"viewer", rb"\u00e9"), GOOD.replace(b"viewer", rb"\u0000")),
    *(GOOD.replace(b'"user"', b'"USER"'), GOOD.replace(b'"user"', rb'"us\u0065r"'), GOOD.replace(b'"', b"'")),
    *(
        GOOD[:-1] + b', "slot": 5}',
        GOOD[:-1] + b', "user": 42}',
        b'{"user": 42, ' + GOOD[1:],
        b'{"slot": "5", ' + GOOD[1:],
    ),
    *(GOOD[:-1] + b', "extra": {"a": [1, {"b": null}]}}', GOOD[:-1] + b', "topics": 5, "seconds": "many"}'),
    *(
        GOOD.replace(b'"score": 0.031', b'"score": ' + n)
        for n in (b"NaN", b"-Infinity", b"+1", b"01", b".5", b"5.", b"1e999")
    ),
    *(
        GOOD.replace(b'"user": "viewer-42"', b'"user": ' + n)
        for n in (b"NaN", b"Infinity", b"12345678901234567890123", b"-0")
    ),
]


def ways(lines: Sequence[bytes]) -> tuple[list[tuple[Rows, Rows]], list[tuple[Rows, Rows]]]:
    """Good and bad rows of each line: alone in a file of its own, and in a file that ends in a row that is bad."""
    with TemporaryDirectory() as folder, connect(load().ingest, Path(folder) / "spill") as connection:
        files = [(0, Path(folder) / f"{number}.jsonl") for number in range(len(lines) + 1)]
        for (_, file), text in zip(files, [*lines, b"\n".join([*lines, b"bad"])], strict=True):
            file.write_bytes(text + b"\n")
        read_batch(connection, load().ingest, [WINDOW], files)
        found: tuple[list[tuple[Rows, Rows]], ...] = ([([], []) for _ in lines], [([], []) for _ in [*lines, b"bad"]])
        for kind, view in enumerate(("good", "bad")):
            for row in connection.sql(f"FROM {view}").to_arrow_table().to_pylist():
                file, line = row.pop("file"), row.pop("line")
                place = found[0][file] if file < len(lines) else found[1][line - 1]
                # What a column holds that the row's type does not have is never stored.
                own = {c.name for c in EVENTS[row["type"]]} if view == "good" else {"reason", "raw"}
                place[kind].append({name: value for name, value in row.items() if name in own})
    (forced,) = found[1].pop()[1]
    assert forced["raw"] == "bad"
    return found[0], found[1]


def assert_agree(lines: Sequence[bytes]) -> None:
    for line, alone, together in zip(lines, *ways(lines), strict=True):
        assert repr(alone) == repr(together), line


def changed(event_type: str, values: dict[str, Any]) -> bytes:
    return json.dumps({**sample(event_type), **values}).encode()


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_row_with_one_odd_value_is_the_same_in_both_ways(event_type: str) -> None:
    assert_agree([changed(event_type, {c.name: value}) for c in EVENTS[event_type] for value in VALUES])


def test_an_odd_line_is_the_same_in_both_ways() -> None:
    assert_agree(LINES)


@hypothesis_settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(EVENTS)),
            st.dictionaries(
                st.sampled_from([*sorted({c.name for columns in EVENTS.values() for c in columns}), "extra"]),
                st.sampled_from(VALUES) | st.text(max_size=70) | st.floats() | st.integers() | st.lists(st.text()),
                max_size=3,
            ),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_any_row_is_the_same_in_both_ways(rows: list[tuple[str, dict[str, Any]]]) -> None:
    assert_agree([changed(event_type, values) for event_type, values in rows])


def test_clean_files_are_not_read_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def noted(path: Path, file: int, arrival: int) -> pa.Table:
        read.append(file)
        return read_lines(path, file, arrival)

    monkeypatch.setattr(json_files, "read_lines", noted)
    lines = [changed(event_type, {"extra": [1]}) for event_type in EVENTS]
    assert all(len(good) == 1 for way in ways(lines) for good, _ in way)
    assert read == [len(lines)]


def test_a_type_that_comes_late_in_a_file_is_read_whole_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_files, "_NUM_FIRST", 1)
    monkeypatch.setattr(json_files, "_read_by_line", None)
    files = [(0, tmp_path / f"{number}.jsonl") for number in range(2)]
    files[0][1].write_bytes(changed("watch", {}) + b"\n")
    files[1][1].write_bytes(changed("watch", {}) + b"\n" + changed("video", {"title": "late"}) + b"\n")
    with connect(load().ingest, tmp_path / "spill") as connection:
        read_batch(connection, load().ingest, [WINDOW], files)
        rows = connection.sql("SELECT file, type, title FROM good ORDER BY ALL").fetchall()
    assert rows == [(0, "watch", None), (1, "video", "late"), (1, "watch", None)]


def test_a_name_that_could_be_a_pattern_is_a_name(tmp_path: Path) -> None:
    files = [(0, tmp_path / name) for name in ("a[1].jsonl", "a*.jsonl", "a1.jsonl")]
    for number, (_, path) in enumerate(files):
        path.write_bytes(changed("user", {"event_id": f"e-{number}"}) + b"\n")
    with connect(load().ingest, tmp_path / "spill") as connection:
        read_batch(connection, load().ingest, [WINDOW], files)
        assert connection.sql("SELECT file, event_id FROM good ORDER BY file").fetchall() == [
            (0, "e-0"),
            (1, "e-1"),
            (2, "e-2"),
        ]
