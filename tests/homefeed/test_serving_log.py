from datetime import UTC, datetime

from homefeed import serving_log
from homefeed.serving_log import ServingLog

AT = datetime(2026, 11, 23, 22, 9, 59, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)


def row(request_id, time):
    return {
        "request_id": request_id, "caller_id": "c", "time": time, "user": "u", "release": "r1", "stage": "live",
        "latency_ms": 12.5, "degraded": ["ranker"], "num_candidates": 7, "error": "",
    }  # fmt: skip


def test_nothing_written_reads_as_an_empty_table(tmp_path):
    rows = serving_log.read(tmp_path, "shadow", "20261123T2200Z", "20261123T2210Z")
    assert rows.num_rows == 0
    assert rows.schema == serving_log.SHADOW


def test_rows_go_to_the_window_of_their_time(tmp_path):
    log = ServingLog(tmp_path, flush_s=3600)
    log.add("requests", row("a", AT))
    log.add("requests", row("b", LATER))
    log.close()
    first = serving_log.read(tmp_path, "requests", "20261123T2200Z", "20261123T2200Z")
    assert first.to_pylist() == [row("a", AT)]
    both = serving_log.read(tmp_path, "requests", "20261123T2200Z", "20261123T2210Z")
    assert both.column("request_id").to_pylist() == ["a", "b"]


def test_a_torn_last_line_is_left_out(tmp_path):
    log = ServingLog(tmp_path, flush_s=3600)
    log.add("requests", row("a", AT))
    log.close()
    file = next((tmp_path / "20261123T2200Z").glob("requests-*.jsonl"))
    file.write_bytes(file.read_bytes() + b'{"request_id": "to')
    assert serving_log.read(tmp_path, "requests", "20261123T2200Z", "20261123T2200Z").num_rows == 1


def test_a_request_is_found_by_its_id_and_its_id_alone(tmp_path):
    assert serving_log.find(tmp_path, "requests", "a") is None
    log = ServingLog(tmp_path, flush_s=3600)
    log.add("requests", row("a", AT))
    log.add("requests", row("ab", LATER) | {"user": "a"})
    log.close()
    assert serving_log.find(tmp_path, "requests", "a") == row("a", AT)
    assert serving_log.find(tmp_path, "requests", "ab")["time"] == LATER
    assert serving_log.find(tmp_path, "requests", "u") is None
    assert serving_log.find(tmp_path, "shadow", "a") is None
