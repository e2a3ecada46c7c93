"""Ingestion: what ends up in the lake does not depend on order, repetition or kills."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake.exceptions import DeltaError

from homefeed.ids import key
from homefeed.ingest.event_log import EventLog
from homefeed.ingest.journal import Journal
from homefeed.ingest.window import IngestError, IngestReport, ingest_due, ingest_windows
from homefeed.lake import Lake, open_lake
from homefeed.registry import open_registry
from homefeed.schema.page import sample
from homefeed.settings import Settings, load
from homefeed.settings.environment import environment

A, B, C = "20261123T2200Z", "20261123T2210Z", "20261123T2220Z"
EVENT_TABLES = ("impressions", "watches", "feedback", "videos", "users")


def event(number: int, event_type: str = "impression", time: str = "22:05:00", **fields: Any) -> dict[str, Any]:
    known = {"event_id": f"e-{number}", "time": f"2026-11-23T{time}Z"}
    return {k: v for k, v in {**sample(event_type), **known, **fields}.items() if v != "absent"}


def write(settings: Settings, window: str, *rows: dict[str, Any] | str | bytes, name: str = "a.jsonl") -> Path:
    file = settings.events_path / window / name
    file.parent.mkdir(parents=True, exist_ok=True)
    texts = [r if isinstance(r, bytes) else r.encode() if isinstance(r, str) else json.dumps(r).encode() for r in rows]
    file.write_bytes(b"".join(text + b"\n" for text in texts))
    return file


def content(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    lake = open_lake(settings.lake_path)
    return {
        table: sorted(lake.read(table).to_pylist(), key=lambda r: (r["window"], r["event_id"]))
        for table in EVENT_TABLES
    }


def reasons(settings: Settings) -> list[tuple[int, str]]:
    rows = open_lake(settings.lake_path).read("quarantine").to_pylist()
    return sorted((r["line"], r["reason"]) for r in rows)


def test_a_window_without_files_is_recorded_so_that_the_watermark_moves(settings: Settings) -> None:
    assert ingest_windows(settings, [A]) == IngestReport([A], 0, 0, 0, [])
    assert open_registry(settings.resolved_registry_url).watermark() == A
    assert all(rows == [] for rows in content(settings).values())


def test_an_empty_file_and_blank_lines_are_nothing(settings: Settings) -> None:
    write(settings, A)
    write(settings, A, "", "  ", "\r", name="b.jsonl")
    assert ingest_windows(settings, [A]) == IngestReport([A], 0, 0, 0, [])


def test_each_event_type_reaches_its_table_with_keys_for_ids(settings: Settings) -> None:
    write(settings, A, *(event(n, t) for n, t in enumerate(("impression", "watch", "feedback", "video", "user"))))
    assert ingest_windows(settings, [A]) == IngestReport([A], 5, 0, 0, [A])
    rows = content(settings)
    assert {table: len(r) for table, r in rows.items()} == dict.fromkeys(EVENT_TABLES, 1)
    impression, video = rows["impressions"][0], rows["videos"][0]
    assert (impression["user"], impression["video"]) == (key("viewer-42"), key("video-1007"))
    assert impression["time"] == datetime(2026, 11, 23, 22, 5, tzinfo=UTC)
    assert (impression["slot"], impression["explored"]) == (3, False)
    assert (video["video_id"], video["channel"], video["topics"]) == (
        "video-1007",
        key("channel-88"),
        ["cooking", "bread"],
    )


def test_an_optional_field_may_be_absent_or_null(settings: Settings) -> None:
    write(
        settings,
        A,
        event(1, score="absent", propensity=None, explored="absent", unknown_field=[1]),
        event(2, "video", countries=None, withdrawn="absent", min_age="absent"),
    )
    assert ingest_windows(settings, [A]).accepted == 2
    rows = content(settings)
    assert (rows["impressions"][0]["score"], rows["impressions"][0]["explored"]) == (None, False)
    assert (rows["videos"][0]["countries"], rows["videos"][0]["withdrawn"], rows["videos"][0]["min_age"]) == (
        [],
        False,
        0,
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"event_id": "e-1", "type": "wat', "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ("null", "not JSON"),
        (b'{"event_id": "\xff"}', "not UTF-8"),
        (event(1, type="click"), "type: click is none of impression, watch, feedback, video, user"),
        (event(1, type="absent"), "type: missing"),
        (event(1, user="absent"), "user: missing"),
        (event(1, user=None), "user: missing"),
        (event(1, user=42), "user: 42 is not a string"),
        (event(1, user={"a": 1}), 'user: {"a":1} is not a string'),
        (event(1, user=""), "user:  is not an id of 1 to 64 bytes"),
        (event(1, video="é" * 33), f"video: {'é' * 33} is not an id of 1 to 64 bytes"),
        (event(1, slot="3"), 'slot: "3" is not a whole number'),
        (event(1, slot=3.5), "slot: 3.5 is not a whole number"),
        (event(1, slot=100), "slot: 100.0 is above 99"),
        (event(1, slot=-1), "slot: -1.0 is below 0"),
        (event(1, surface="moon"), "surface: moon is none of home, search, channel, watch_next, other"),
        (event(1, explored=1), "explored: 1 is not true or false"),
        (event(1, propensity=1.5), "propensity: 1.5 is above 1"),
        (event(1, score=1e39), "score: 1e39 is not a number"),
        (event(1, "watch", seconds=90_000), "seconds: 90000.0 is above 86400"),
        (event(1, "video", topics=["a", 1]), 'topics: ["a",1] is not a list of strings'),
        (event(1, "video", uploaded="soon"), "uploaded: soon is not ISO 8601 with an offset"),
    ],
)
def test_a_row_that_breaks_the_schema_goes_to_quarantine_with_file_line_and_reason(
    settings: Settings, row: Any, reason: str
) -> None:
    write(settings, A, event(0), row, event(2))
    assert ingest_windows(settings, [A]) == IngestReport([A], 2, 1, 0, [A])
    (found,) = open_lake(settings.lake_path).read("quarantine").to_pylist()
    assert (found["file"], found["line"], found["reason"], found["window"]) == (f"{A}/a.jsonl", 2, reason, A)
    assert found["raw"] == (
        row.decode(errors="replace")
        if isinstance(row, bytes)
        else row
        if isinstance(row, str)
        else json.dumps(row, ensure_ascii=True)
    )


def test_times_need_an_offset_and_a_clock_that_is_right(settings: Settings) -> None:
    write(
        settings,
        A,
        event(1) | {"time": "2026-11-23T23:05:00+01:00"},
        event(2) | {"time": "2026-11-23T22:05:00"},
        event(3) | {"time": "2026-11-23T22:14:59Z"},
        event(4) | {"time": "2026-11-23T22:15:01Z"},
        event(5) | {"time": "1970-01-01T00:00:00Z"},
        event(6) | {"time": 1795471805},
    )
    report = ingest_windows(settings, [A])
    assert (report.accepted, report.touched) == (2, [A, B])
    assert reasons(settings) == [
        (2, "time: 2026-11-23T22:05:00 is not ISO 8601 with an offset"),
        (4, "time: 2026-11-23 22:15:01+00 is more than 300 s after it arrived; the sender's clock is wrong"),
        (5, "time: 1970-01-01 00:00:00+00 is more than 3650 days before it arrived; the sender's clock is wrong"),
        (6, "time: 1795471805 is not ISO 8601 with an offset"),
    ]


def test_a_torn_last_line_goes_to_quarantine_and_the_rest_of_its_file_counts(settings: Settings) -> None:
    file = write(settings, A, event(1), event(2))
    file.write_bytes(file.read_bytes() + b'{"event_id": "e-3", "ty')
    assert ingest_windows(settings, [A]).accepted == 2
    assert reasons(settings) == [(3, "not JSON: the last line is torn")]


def test_a_last_line_without_a_line_break_counts_when_it_is_whole(settings: Settings) -> None:
    file = write(settings, A, event(1), event(2))
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().rstrip(b"\n"))
    assert ingest_windows(settings, [A]) == IngestReport([A], 2, 0, 0, [A])


def test_parquet_files_with_one_type_or_several_count_like_lines(settings: Settings) -> None:
    folder = settings.events_path / A
    folder.mkdir(parents=True)
    mixed = [event(1), event(2, "watch"), event(3, "user")]
    pq.write_table(pa.Table.from_pylist(_all_columns(mixed)), folder / "mixed.parquet")
    one = pa.table(
        {
            "event_id": ["e-4", "e-5", "e-2"],
            "type": ["watch"] * 3,
            "time": pa.array([datetime(2026, 11, 23, 22, 1, tzinfo=UTC)] * 3, pa.timestamp("ms", "UTC")),
            "user": ["u", None, "u"],
            "video": ["v"] * 3,
            "seconds": pa.array([1.5, 2, 3], pa.float32()),
        }
    )
    pq.write_table(one, folder / "one.parquet")
    assert ingest_windows(settings, [A]) == IngestReport([A], 4, 1, 1, [A])
    (found,) = open_lake(settings.lake_path).read("quarantine").to_pylist()
    assert (found["file"], found["line"], found["reason"]) == (f"{A}/one.parquet", 2, "user: missing")
    assert [r["seconds"] for r in content(settings)["watches"]] == [3.0, 1.5]


def _all_columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {name for row in rows for name in row}
    return [{name: row.get(name) for name in sorted(names)} for row in rows]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.csv", b"user,video\n", "unknown format '.csv'; known are .jsonl, .ndjson, .json, .parquet"),
        ("a.parquet", b"PAR1 and then nothing of the kind", "not a Parquet file"),
        ("a.parquet", b"", "not a Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_row_of_quarantine(
    settings: Settings, name: str, data: bytes, reason: str
) -> None:
    write(settings, A, event(1))
    (settings.events_path / A / name).write_bytes(data)
    assert ingest_windows(settings, [A]) == IngestReport([A], 1, 1, 0, [A])
    (found,) = open_lake(settings.lake_path).read("quarantine").to_pylist()
    assert (found["file"], found["line"]) == (f"{A}/{name}", 0)
    assert found["reason"].startswith(reason)


def test_a_copy_counts_once_in_a_file_across_files_and_across_windows(settings: Settings) -> None:
    write(settings, A, event(1), event(1), event(2))
    write(settings, A, event(2), name="b.jsonl")
    assert ingest_windows(settings, [A]) == IngestReport([A], 2, 0, 2, [A])
    write(settings, C, event(1), event(3, time="22:21:00"))
    assert ingest_windows(settings, [C]) == IngestReport([C], 1, 0, 1, [C])
    assert [r["event_id"] for r in content(settings)["impressions"]] == ["e-1", "e-2", "e-3"]


def test_a_late_event_goes_to_the_window_of_its_time(settings: Settings) -> None:
    write(settings, A, event(1))
    write(settings, C, event(2, time="22:21:00"), event(3, time="22:04:00"))
    ingest_windows(settings, [A])
    assert ingest_windows(settings, [C]).touched == [A, C]
    assert [(r["window"], r["event_id"]) for r in content(settings)["impressions"]] == [
        (A, "e-1"),
        (A, "e-3"),
        (C, "e-2"),
    ]


def test_what_comes_two_windows_late_is_counted_once(settings: Settings) -> None:
    """Exposures of A are published when B is ingested: an event of B that comes with C is in time, one of A is not."""
    write(settings, A, event(1))
    write(settings, C, event(2, time="22:21:00"), event(3, time="22:12:00"), event(4, time="22:04:00"))
    journal = Journal(settings.events_path / ".journal")
    for _ in range(2):
        ingest_windows(settings, [A, C])
        late = {window: (entry.late, entry.accepted) for window in (A, C) if (entry := journal.read(window))}
        assert late == {A: (0, 1), C: (1, 3)}


def test_rows_of_a_window_are_in_order_of_time(settings: Settings) -> None:
    write(settings, A, event(1, time="22:07:00"), event(3, time="22:01:00"), event(2, time="22:01:00"))
    ingest_windows(settings, [A])
    assert open_lake(settings.lake_path).read("impressions").column("event_id").to_pylist() == ["e-2", "e-3", "e-1"]


def test_copies_that_differ_end_the_same_in_every_order(tmp_path: Path) -> None:
    files = {
        A: [event(1, slot=5), event(2)],
        B: [event(1, slot=4), event(1, "watch", time="22:06:00"), event(3, time="22:12:00")],
        C: [event(1, slot=9, time="22:03:00"), event(2, time="22:15:00")],
    }
    results = []
    for number, order in enumerate(([[A], [B], [C]], [[C], [B], [A]], [[B], [A, C]], [[A, B, C]], [[C, A], [B], [B]])):
        settings = load(var=tmp_path / str(number))
        for window, rows in files.items():
            write(settings, window, *rows)
        for windows in order:
            ingest_windows(settings, windows)
        results.append(content(settings))
    assert results[0]["watches"] == []
    assert [(r["event_id"], r["slot"]) for r in results[0]["impressions"]] == [("e-1", 9), ("e-2", 3), ("e-3", 3)]
    assert all(result == results[0] for result in results)


def test_a_window_ingested_twice_reports_and_holds_the_same(settings: Settings) -> None:
    write(settings, A, event(1), event(1), event(2, "watch"), "broken")
    first = ingest_windows(settings, [A])
    before = content(settings)
    assert ingest_windows(settings, [A]) == first == IngestReport([A], 2, 1, 1, [A])
    assert content(settings) == before
    assert len(reasons(settings)) == 1


def test_quarantine_follows_the_file_when_it_is_mended(settings: Settings) -> None:
    write(settings, A, event(1), "broken")
    ingest_windows(settings, [A])
    write(settings, A, event(1), event(2))
    assert ingest_windows(settings, [A]) == IngestReport([A], 2, 0, 0, [A])
    assert reasons(settings) == []


def test_windows_in_small_batches_are_the_same_as_in_one(tmp_path: Path) -> None:
    results = []
    for mib in (512, 1e-5):
        settings = load(var=tmp_path / str(mib), ingest={"batch_mib": mib})
        for n, window in enumerate((A, B, C)):
            write(settings, window, *(event(10 * n + i, time=f"22:0{i}:00") for i in range(5)), event(99))
        results.append((ingest_windows(settings, [C, A, B]), content(settings)))
    assert results[0] == results[1]
    assert (results[0][0].accepted, results[0][0].duplicate) == (16, 2)


def test_due_are_the_window_itself_and_those_never_seen_or_changed(settings: Settings) -> None:
    write(settings, A, event(1))
    write(settings, B, event(2))
    write(settings, C, event(3))
    first = ingest_due(settings, B)
    assert first == IngestReport([A, B], 2, 0, 0, [A])
    assert ingest_due(settings, B) == first
    assert ingest_due(settings, C).arrivals == [C]
    write(settings, A, event(4), name="late-writer.jsonl")
    assert ingest_due(settings, C).arrivals == [A, C]


def test_files_from_the_landing_folder_arrive_in_the_window_of_the_run(settings: Settings) -> None:
    settings.landing_path.mkdir(parents=True)
    (settings.landing_path / "history.jsonl").write_text(json.dumps(event(1)) + "\nbroken\n")
    assert ingest_due(settings, C) == IngestReport([C], 1, 1, 0, [A])
    assert open_lake(settings.lake_path).read("quarantine").column("file").to_pylist() == [f"{C}/landing-history.jsonl"]
    assert list(settings.landing_path.iterdir()) == []


def test_events_of_the_log_itself_are_ingested(settings: Settings) -> None:
    EventLog(settings.events_path).append([json.dumps(event(1)).encode()], datetime(2026, 11, 23, 22, 6, tzinfo=UTC))
    assert ingest_due(settings, A).accepted == 1


def test_a_disk_that_fills_leaves_every_table_as_it_was(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    write(settings, A, event(1), event(2, "watch"))
    ingest_windows(settings, [A])
    before = content(settings)
    write(settings, B, event(3), event(4, "watch"), event(5, "user"))
    real = Lake.replace

    def full(self: Lake, table: str, windows: Any, rows: pa.Table) -> int:
        if table == "watches":
            raise DeltaError("No space left on device (os error 28)")
        return real(self, table, windows, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "replace", full)
        with pytest.raises(IngestError, match=f"{B}.*No space left on device.*HOMEFEED_VAR"):
            ingest_windows(settings, [B])
    assert content(settings) == before
    assert open_registry(settings.resolved_registry_url).watermark() == A
    assert ingest_windows(settings, [B]) == IngestReport([B], 3, 0, 0, [A])


def test_a_var_that_is_not_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("not a folder")
    with pytest.raises(IngestError, match="HOMEFEED_VAR"):
        ingest_windows(load(var=tmp_path / "var"), [A])


_KILLED = """
import os, signal, sys
from homefeed.ingest import window
from homefeed.lake import Lake
from homefeed.registry import Registry
from homefeed.ingest.journal import Journal
from homefeed.settings import load

place, count = sys.argv[1], int(sys.argv[2])
owner, name = {"journal": (Journal, "write"), "commit": (Lake, "replace"), "record": (Registry, "record_ingest")}[place]
real, calls = getattr(owner, name), []

def killed(*args, **kwargs):
    calls.append(1)
    if len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)

setattr(owner, name, killed)
window.ingest_due(load(), "20261123T2210Z")
"""


@pytest.mark.parametrize(
    ("place", "count"), [("journal", 2), ("commit", 1), ("commit", 3), ("record", 1), ("journal", 4)]
)
def test_a_run_that_is_killed_and_repeated_is_a_run(tmp_path: Path, place: str, count: int) -> None:
    results = []
    for name in ("whole", "killed"):
        settings = load(var=tmp_path / name)
        write(settings, A, event(1), event(1), event(2, "watch"), "broken")
        write(settings, B, event(3, "user"), event(2, "watch"), event(4, time="22:11:00"), event(5, "feedback"))
        if name == "killed":
            run = subprocess.run(
                [sys.executable, "-c", _KILLED, place, str(count)], env=os.environ | environment(settings), check=False
            )
            assert run.returncode == -signal.SIGKILL
        results.append((ingest_due(settings, B), content(settings), reasons(settings)))
    assert results[0] == results[1]
    assert results[0][0] == IngestReport([A, B], 5, 1, 2, [A, B])
