"""`homefeed bench ingest`: JSON lines of one arrival window into the lake, from the files to the last commit."""

import tempfile
import time
from pathlib import Path

import duckdb
from rich.progress import Progress

from homefeed import windows
from homefeed.settings import Settings

NUM_EVENTS = 1_000_000
_WINDOW = "20261123T2200Z"
_RUNS = 5

MEANING = {
    "events": "Events of the window: 97 of 100 impressions, 2 watches, 1 like; one in a thousand is a copy.",
    "events_per_s": "Events per second from JSON lines to deduplicated Delta tables; best of 5 runs.",
    "events_per_cpu_s": "The same per second of processor time: robust when other work shares the cores.",
    "parse_only_events_per_s": "Events per second that DuckDB's read_json parses from the same file, unchecked.",
    "times_parse_only": "Processor time of ingestion divided by that of parsing alone.",
}


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Write the events, ingest them in fresh lakes, and parse the same file with DuckDB alone."""
    from homefeed.ingest.window import ingest_windows

    progress.update(progress.task_ids[0], total=_RUNS + 1)
    wall, processor = [], []
    with tempfile.TemporaryDirectory(prefix="homefeed-bench-") as folder:
        lines = Path(folder) / "events.jsonl"
        _write(lines)
        for number in range(_RUNS):
            own = settings.model_copy(update={"var": Path(folder) / str(number), "registry_url": ""})
            target = own.events_path / _WINDOW / lines.name
            target.parent.mkdir(parents=True)
            target.hardlink_to(lines)
            began, used = time.perf_counter(), time.process_time()
            report = ingest_windows(own, [_WINDOW])
            wall.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
            assert report.accepted + report.duplicate == NUM_EVENTS
            progress.advance(progress.task_ids[0])
        parse_wall, parse_processor = _parse(lines)
    progress.advance(progress.task_ids[0])
    return {
        "events": NUM_EVENTS,
        "events_per_s": NUM_EVENTS / min(wall),
        "events_per_cpu_s": NUM_EVENTS / min(processor),
        "parse_only_events_per_s": NUM_EVENTS / parse_wall,
        "times_parse_only": min(processor) / parse_processor,
    }


def _write(path: Path) -> None:
    """Events as a site sends them, about 300 bytes each, in no order of time."""
    begin = windows.start(_WINDOW)
    numbers = f"""
      SELECT CASE WHEN range % 1000 = 999 THEN range - 1 ELSE range END AS number,
        CASE WHEN number % 50 = 0 THEN 'watch' WHEN number % 100 = 1 THEN 'feedback' ELSE 'impression' END AS kind,
        TIMESTAMP '{begin:%Y-%m-%d %H:%M:%S}' +
          to_milliseconds((hash(number) % {windows.WINDOW_S * 1000})::BIGINT) AS moment
      FROM range({NUM_EVENTS})"""
    common = """
      event_id := 'e-' || lpad(to_hex(number), 12, '0'), "type" := kind,
      "time" := strftime(moment, '%Y-%m-%dT%H:%M:%S.%gZ'),
      "user" := 'viewer-' || lpad((hash(number + 1) % 20000)::VARCHAR, 6, '0'),
      video := 'video-' || lpad((hash(number + 2) % 20000)::VARCHAR, 7, '0'),
      request_id := 'r-' || lpad(to_hex(number // 20), 8, '0')"""
    impression = """
      slot := number % 100, surface := 'home', device := 'phone', "release" := 'r20261123T2200Z-1a2b3c',
      source := 'two_tower', score := 0.0312, propensity := 0.92, explored := false"""
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT CASE kind WHEN 'watch' THEN to_json(struct_pack({common}, seconds := 12.5))"
            f" WHEN 'feedback' THEN to_json(struct_pack({common}, kind := 'like'))"
            f" ELSE to_json(struct_pack({common}, {impression})) END::VARCHAR AS line FROM ({numbers}))"
            f" TO '{path}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
        )


def _parse(path: Path) -> tuple[float, float]:
    texts = ("event_id", "type", "user", "video", "request_id", "surface", "device", "release", "source", "kind")
    others = {"time": "TIMESTAMPTZ", "slot": "INTEGER", "explored": "BOOLEAN"}
    columns = dict.fromkeys(texts, "VARCHAR") | dict.fromkeys(("score", "propensity", "seconds"), "FLOAT") | others
    with duckdb.connect() as connection:
        began, used = time.perf_counter(), time.process_time()
        connection.execute(
            f"CREATE TABLE t AS FROM read_json('{path}', format = 'newline_delimited', columns = {columns})"
        )
        return time.perf_counter() - began, time.process_time() - used
