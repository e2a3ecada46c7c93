"""Old windows leave once their copies were read back, come back as they were, and nothing is lost in between."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from homefeed import windows
from homefeed.ingest.event_log import EventLog
from homefeed.ingest.window import ingest_due, ingest_windows
from homefeed.lake import open_lake
from homefeed.manifest import Manifest
from homefeed.object_store import ObjectStore, StoreError
from homefeed.retention import event_packs, table_parts
from homefeed.retention.archive import archive, ship_closed
from homefeed.retention.copies import ArchiveError, archived_windows, read_record
from homefeed.retention.restore import RestoreError, restore
from homefeed.retention.vacuum import vacuum
from homefeed.settings import Settings, load
from tests.homefeed.ingest.test_window import event, write
from tests.homefeed.store_gate import gate_before

A, B, C = "20261123T2200Z", "20261123T2210Z", "20261123T2220Z"
#: A and B are older than a day then, C is not.
NOW = windows.end(B) + timedelta(days=1)
LATER = NOW + timedelta(days=30)


def site(settings: Settings) -> Settings:
    """Three arrival windows: two impressions and a broken line in A, an impression and a watch in B, one in C."""
    write(settings, A, event(1), event(2, slot=1), "no JSON", name="a.jsonl")
    write(settings, A, event(3, "video", "22:01:00"), name="b.jsonl")
    write(settings, B, event(4, time="22:15:00"), event(5, "watch", "22:16:00"))
    write(settings, C, event(6, time="22:25:00"))
    ingest_windows(settings, [A, B, C])
    return settings


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site(load(var=tmp_path_factory.mktemp("ingested") / "var")).var


@pytest.fixture
def old(ingested: Path, tmp_path: Path) -> Settings:
    shutil.copytree(ingested, tmp_path / "var")
    return load(var=tmp_path / "var", retention={"hot_days": 1})


def log_of(settings: Settings) -> dict[str, dict[str, bytes]]:
    log = EventLog(settings.events_path)
    return {w: {f.name: f.read_bytes() for f in log.files(w)} for w in log.windows()}


def lake_of(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    lake = open_lake(settings.lake_path)
    return {table: sorted(lake.read(table).to_pylist(), key=repr) for table in lake.schemas}


def ids(settings: Settings, table: str = "impressions") -> list[str]:
    return sorted(open_lake(settings.lake_path).read(table)["event_id"].to_pylist())


def store_of(settings: Settings) -> ObjectStore:
    return ObjectStore(settings.archive_place)


def test_nothing_old_is_nothing_done(tmp_path: Path) -> None:
    settings = load(var=tmp_path / "var")
    report = archive(settings, NOW)
    assert (report.events, report.tables, report.waiting) == ([], {}, [])
    assert report.until == windows.window_of(NOW - timedelta(days=180))
    assert ship_closed(settings, C).shipped == []


def test_old_windows_move_and_the_rest_stays(old: Settings) -> None:
    report = archive(old, NOW)
    assert (report.until, report.events, report.waiting) == (C, [A, B], [])
    assert report.tables == {"quarantine": 1, "impressions": 3}
    assert list(log_of(old)) == [C]
    assert ids(old) == ["e-6"]
    # What a viewer's history and the catalogue are made of stays, however old.
    assert (ids(old, "watches"), ids(old, "videos")) == (["e-5"], ["e-3"])
    record = read_record(store_of(old), table_parts.kind("impressions"), A)
    assert record is not None
    assert [part.rows for part in record.parts] == [2]
    pack = read_record(store_of(old), event_packs.KIND, A)
    assert pack is not None
    assert {name: f["rows"] for name, f in pack.parts[0].files.items()} == {"a.jsonl": 3, "b.jsonl": 1}


def test_archiving_again_does_nothing(old: Settings) -> None:
    archive(old, NOW)
    names = store_of(old).names()
    version = open_lake(old.lake_path).version("impressions")
    again = archive(old, NOW)
    assert (again.events, again.tables) == ([], {})
    assert (store_of(old).names(), open_lake(old.lake_path).version("impressions")) == (names, version)


def test_restored_windows_are_what_they_were_and_stay_for_some_days(old: Settings) -> None:
    log, lake = log_of(old), lake_of(old)
    archive(old, NOW)
    report = restore(old, A, B, NOW)
    assert (report.events, report.rows) == ([A, B], {"impressions": 3, "quarantine": 1})
    assert (log_of(old), lake_of(old)) == (log, lake)
    assert restore(old, A, B, NOW).rows == report.rows
    assert lake_of(old) == lake
    assert ingest_due(old, C).arrivals == [C]
    assert archive(old, NOW + timedelta(days=6)).events == [C]
    names = store_of(old).names()
    assert archive(old, NOW + timedelta(days=8)).events == [A, B]
    # The same rows are no further part.
    assert store_of(old).names() == names


def test_a_replay_makes_the_rows_of_the_lake_once_more(old: Settings) -> None:
    lake = lake_of(old)
    archive(old, NOW)
    report = restore(old, A, B, NOW, is_replayed=True)
    assert report.replayed is not None
    assert (report.replayed.arrivals, report.replayed.touched) == ([A, B], [A, B])
    assert lake_of(old) == lake


def test_a_late_event_of_an_archived_window_joins_it(old: Settings) -> None:
    archive(old, NOW)
    write(old, C, event(7, time="22:04:00", slot=7), name="late.jsonl")
    ingest_due(old, C)
    assert ids(old) == ["e-6", "e-7"]
    assert archive(old, NOW).tables == {"impressions": 1}
    record = read_record(store_of(old), table_parts.kind("impressions"), A)
    assert record is not None
    assert [part.rows for part in record.parts] == [2, 1]
    restore(old, A, A, NOW)
    assert ids(old) == ["e-1", "e-2", "e-6", "e-7"]


def test_of_two_copies_of_a_row_the_newer_one_counts(old: Settings) -> None:
    archive(old, NOW)
    restore(old, A, A, NOW)
    lake = open_lake(old.lake_path)
    rows = lake.read("impressions", (A, A)).sort_by("event_id")
    changed = rows.set_column(rows.schema.get_field_index("slot"), "slot", pa.array([50, 1], pa.int16()))
    lake.replace("impressions", [A], changed)
    archive(old, LATER)
    restore(old, A, A, LATER)
    assert sorted(lake.read("impressions", (A, A))["slot"].to_pylist()) == [1, 50]


def test_a_window_that_ingestion_has_not_taken_in_waits(old: Settings) -> None:
    write(old, A, event(8), name="late.jsonl")
    report = archive(old, NOW)
    assert (report.events, report.waiting) == ([B], [A])
    assert set(log_of(old)) == {A, C}
    ingest_windows(old, [A])
    assert archive(old, NOW).events == [A]


@pytest.mark.parametrize("step", ["remove", "replace"])
def test_a_kill_between_copy_and_removal_is_mended_by_the_next_run(
    old: Settings, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, lake = log_of(old), lake_of(old)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if step == "remove":
            patched.setattr("homefeed.retention.event_packs.remove", die)
        else:
            patched.setattr("homefeed.lake.Lake.replace", die)
        with pytest.raises(KeyboardInterrupt):
            archive(old, NOW)
    assert archived_windows(store_of(old), event_packs.KIND)
    assert lake_of(old) == lake
    archive(old, NOW)
    assert (list(log_of(old)), ids(old)) == ([C], ["e-6"])
    assert not [name for name in old.events_path.iterdir() if name.name.startswith((".removed", ".packing"))]
    restore(old, A, B, NOW)
    assert (log_of(old), lake_of(old)) == (log, lake)


def test_a_copy_that_came_back_different_keeps_the_original(old: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    log, lake = log_of(old), lake_of(old)
    upload = ObjectStore.upload

    def flip(self: ObjectStore, source: Path, name: str) -> None:
        damaged = source.with_name("damaged")
        damaged.write_bytes(b"!" + source.read_bytes()[1:])
        upload(self, damaged, name)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "upload", flip)
        with pytest.raises(ArchiveError, match="came back different"):
            archive(old, NOW)
    assert (log_of(old), lake_of(old)) == (log, lake)
    assert store_of(old).names() == []
    assert archive(old, NOW).events == [A, B]


def test_a_damaged_copy_is_told_and_never_restored(old: Settings) -> None:
    archive(old, NOW)
    record = read_record(store_of(old), event_packs.KIND, A)
    assert record is not None
    store_of(old).write(record.parts[0].name, b"half")
    with pytest.raises(ArchiveError, match="is damaged: its SHA-256"):
        restore(old, A, A, NOW)
    assert list(log_of(old)) == [C]


def test_what_cannot_be_restored_is_named(old: Settings) -> None:
    with pytest.raises(RestoreError, match="holds no window from .*2200Z to .*2210Z"):
        restore(old, A, B, NOW)
    with pytest.raises(RestoreError, match="2210Z is after .*2200Z"):
        restore(old, B, A, NOW)


def test_vacuum_keeps_the_versions_of_kept_releases(old: Settings) -> None:
    settings = old.model_copy(update={"retention": old.retention.model_copy(update={"vacuum_hours": 0})})
    lake = open_lake(settings.lake_path)
    named = lake.version("impressions")
    before = lake.read("impressions")
    archive(settings, NOW)
    versions = {"impressions": named, "exposures": -1}
    made = {"settings_digest": "", "code_version": "", "pairing": "", "metrics": {}}
    kept = Manifest(release="r1", created="", windows=(A, C), lake_versions=versions, **made)
    # The line that was broken is needed by nobody: one file of `quarantine` goes.
    assert vacuum(settings, [kept]) == {"quarantine": 1}
    assert lake.read("impressions", version=named).equals(before)
    assert vacuum(settings, [])["impressions"] == 2
    with pytest.raises(Exception, match="No such file|not found"):
        lake.read("impressions", version=named)


def test_in_an_object_store_a_refusal_loses_nothing_and_the_next_run_goes_on(s3, tmp_path: Path) -> None:
    with gate_before(s3.endpoint) as gate:
        storage = s3.storage(s3.bucket(), endpoint_url=gate.endpoint)
        settings = site(load(var=tmp_path / "var", retention={"hot_days": 1}, storage=storage))
        log, lake = log_of(settings), lake_of(settings)
        assert ship_closed(settings, B).shipped == [A, B]
        assert ship_closed(settings, B).shipped == []
        gate.written()
        assert ship_closed(settings, C).shipped == [C]
        assert len(gate.written()) == 2
        # The parts of the lake go up, and their records are refused: half of an archive.
        gate.refuse(f"^PUT .*/impressions/{A}.json")
        with pytest.raises(StoreError, match="the store refuses"):
            archive(settings, NOW)
        assert lake_of(settings)["impressions"] == lake["impressions"]
        gate.refuse(".")
        with pytest.raises(StoreError, match="the store refuses"):
            restore(settings, A, B, NOW)
        gate.refuse("")
        archive(settings, NOW)
        assert (list(log_of(settings)), ids(settings)) == ([C], ["e-6"])
        restore(settings, A, B, NOW)
        assert (log_of(settings), lake_of(settings)) == (log, lake)


def test_what_was_shipped_and_grew_is_shipped_again(old: Settings) -> None:
    ship_closed(old, C)
    write(old, A, event(9), name="late.jsonl")
    assert ship_closed(old, C).shipped == [A]
    record = read_record(store_of(old), event_packs.KIND, A)
    assert record is not None
    assert [sorted(part.files) for part in record.parts] == [["a.jsonl", "b.jsonl", "late.jsonl"]]
    # One pack and one record for each window: the pack that the new one replaced is gone.
    assert len(store_of(old).names("events")) == 6


def test_files_that_only_the_archive_has_stay_there(old: Settings) -> None:
    """A machine that was lost comes back with less than it had shipped."""
    ship_closed(old, C)
    (old.events_path / A / "a.jsonl").unlink()
    write(old, A, event(9), name="new.jsonl")
    event_packs.ship(EventLog(old.events_path), store_of(old), A)
    event_packs.unpack(EventLog(old.events_path), store_of(old), A)
    assert sorted(log_of(old)[A]) == ["a.jsonl", "b.jsonl", "new.jsonl"]


def test_the_command_line_says_what_moved(old: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from homefeed.cli import build
    from homefeed.clock import set_clock

    set_clock(old.var / "now", NOW)
    for name, value in {"VAR": old.var, "RETENTION__HOT_DAYS": 1, "CLOCK_FILE": old.var / "now"}.items():
        monkeypatch.setenv(f"HOMEFEED_{name}", str(value))
    runner = CliRunner()
    moved = runner.invoke(build(["archive"]), ["archive"], catch_exceptions=False)
    assert "2 arrival windows and 1 rows of quarantine, 3 rows of impressions" in " ".join(moved.output.split())
    back = runner.invoke(build(["restore"]), ["restore", A, A, "--json"], catch_exceptions=False)
    assert '"impressions": 2' in back.output
    with pytest.raises(RestoreError, match="yesterday"):
        runner.invoke(build(["restore"]), ["restore", "yesterday", A], catch_exceptions=False)


def test_the_age_of_a_window_is_told_in_utc() -> None:
    assert windows.window_of(datetime(2026, 11, 24, 22, 20, tzinfo=UTC) - timedelta(days=1)) == C
