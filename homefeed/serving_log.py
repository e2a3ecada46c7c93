"""The service's own log: what it answered, written beside the request and read by monitoring.

`var/serving/<window>/<kind>-<writer>.jsonl`, one JSON object per line and one file per process. `requests`: one row is
one page that was asked for. `shadow`: one row is one page that a SHADOW release made for a request that another
release answered. `pages`: one row is one page with every slot of it. `interleaved`: one row is one page that two
releases drafted. `features`: one row is one page with the feature vectors of a few candidates. The log explains and
monitors; what trains the models are the impressions that viewers report. A crash can lose the rows of the last moment
(`serving.log_flush_s`).
"""

import logging
import os
import threading
import uuid
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from homefeed import windows
from homefeed.schema.column import TIME

#: One row is one page that was asked for; `error` is empty when it was answered; `caller_id` is its `X-Request-Id`.
REQUESTS = pa.schema(
    [
        pa.field("request_id", pa.string()),
        pa.field("caller_id", pa.string()),
        pa.field("time", TIME),
        pa.field("user", pa.string()),
        pa.field("release", pa.string()),
        pa.field("stage", pa.string()),
        pa.field("latency_ms", pa.float64()),
        pa.field("degraded", pa.list_(pa.string())),
        pa.field("num_candidates", pa.int64()),
        pa.field("error", pa.string()),
    ]
)
#: One row is one page made off the response path by `release`, compared with the one that `live_release` answered;
#: `videos` and `live_videos` are keys, one per slot.
SHADOW = pa.schema(
    [
        pa.field("request_id", pa.string()),
        pa.field("time", TIME),
        pa.field("release", pa.string()),
        pa.field("live_release", pa.string()),
        pa.field("latency_ms", pa.float64()),
        pa.field("error", pa.string()),
        pa.field("overlap_at_100", pa.float64()),
        pa.field("mean_score", pa.float64()),
        pa.field("live_mean_score", pa.float64()),
        pa.field("user", pa.string()),
        pa.field("videos", pa.list_(pa.int64())),
        pa.field("live_videos", pa.list_(pa.int64())),
    ]
)
#: One row is one page as it was answered; the lists have one element per slot. `knob_arm` names the experiment that
#: `exploration` comes from, empty for none.
PAGES = pa.schema(
    [
        pa.field("request_id", pa.string()),
        pa.field("time", TIME),
        pa.field("user", pa.string()),
        pa.field("release", pa.string()),
        pa.field("device", pa.string()),
        pa.field("exploration", pa.float64()),
        pa.field("knob_arm", pa.string()),
        pa.field("videos", pa.list_(pa.string())),
        pa.field("sources", pa.list_(pa.string())),
        pa.field("scores", pa.list_(pa.float64())),
        pa.field("propensities", pa.list_(pa.float64())),
        pa.field("explored", pa.list_(pa.bool_())),
    ]
)
#: One row is one page of an interleaving: `teams` has for each slot 0 when the first release picked it, 1 when the
#: second did, and -1 when both would have, or exploration did.
INTERLEAVED = pa.schema(
    [
        pa.field("request_id", pa.string()),
        pa.field("time", TIME),
        pa.field("user", pa.string()),
        pa.field("experiment", pa.string()),
        pa.field("releases", pa.list_(pa.string())),
        pa.field("teams", pa.list_(pa.int8())),
    ]
)
#: One row is one page of which the ranker's dense features were logged, of a few candidates: `dense` has for each of
#: `videos` (keys) the columns of `homefeed.features.DENSE_FEATURES`. `window` is the snapshot's, `versions` what that
#: was made from (JSON), and the rest the viewer as it was read.
FEATURES = pa.schema(
    [
        pa.field("request_id", pa.string()),
        pa.field("time", TIME),
        pa.field("user", pa.string()),
        pa.field("release", pa.string()),
        pa.field("window", pa.string()),
        pa.field("versions", pa.string()),
        pa.field("device", pa.string()),
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("age", pa.int16()),
        pa.field("videos", pa.list_(pa.int64())),
        pa.field("dense", pa.list_(pa.list_(pa.float32()))),
        pa.field("history_videos", pa.list_(pa.int64())),
        pa.field("history_times", pa.list_(pa.int64())),
        pa.field("history_fractions", pa.list_(pa.float32())),
        pa.field("subscribed_channels", pa.list_(pa.int64())),
    ]
)
KINDS: dict[str, pa.Schema] = {
    "requests": REQUESTS,
    "shadow": SHADOW,
    "pages": PAGES,
    "interleaved": INTERLEAVED,
    "features": FEATURES,
}


class ServingLog:
    """Writer of one process: rows wait in memory for a thread, so that a request never waits for the disk."""

    def __init__(self, path: Path, flush_s: float) -> None:
        self._path = path
        # Processes of several containers share a folder, and each of them is number 1 where it runs.
        self._writer = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._flush_s = flush_s
        self._rows: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="serving-log", daemon=True)
        self._thread.start()

    def add(self, kind: str, row: dict[str, Any]) -> None:
        """Take a row of `kind` (a key of `KINDS`), whose `time` is a timezone-aware datetime."""
        with self._lock:
            self._rows.append((kind, row))

    def flush(self) -> None:
        """Append everything taken so far. Raises OSError when the disk does not take it; the rows are then lost."""
        with self._writing:
            with self._lock:
                rows, self._rows = self._rows, []
            lines: dict[Path, list[bytes]] = defaultdict(list)
            for kind, row in rows:
                lines[self._file(kind, row["time"])].append(orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY))
            for file, content in lines.items():
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("ab") as out:
                    out.write(b"\n".join(content) + b"\n")

    def close(self) -> None:
        """Stop the thread and write what is left."""
        self._stop.set()
        self._thread.join()
        self.flush()

    def _file(self, kind: str, time: datetime) -> Path:
        return self._path / windows.window_of(time) / f"{kind}-{self._writer}.jsonl"

    def _run(self) -> None:
        while not self._stop.wait(self._flush_s):
            try:
                self.flush()
            except OSError:
                logging.getLogger(__name__).exception("the serving log cannot be written; its newest rows are lost")


def read(path: Path, kind: str, first: str, last: str) -> pa.Table:
    """Rows of `kind` of the windows `first` to `last`, both included; empty when there are none.

    A last line that a crash tore is left out.
    """
    schema = KINDS[kind]
    rows: list[dict[str, Any]] = []
    for window in windows.span(first, last):
        for file in sorted((path / window).glob(f"{kind}-*.jsonl")):
            lines = file.read_bytes().splitlines(keepends=True)
            rows.extend(orjson.loads(line) for line in lines if line.endswith(b"\n"))
    for row in rows:
        row["time"] = datetime.fromisoformat(row["time"])
    return pa.Table.from_pylist(rows, schema=schema)


def find(path: Path, kind: str, request_id: str) -> dict[str, Any] | None:
    """The row of `kind` of one request, the newest windows looked through first; None when there is none."""
    written = orjson.dumps(request_id)
    for file in sorted(path.glob(f"*/{kind}-*.jsonl"), reverse=True):
        with file.open("rb") as lines:
            rows = (orjson.loads(line) for line in lines if written in line and line.endswith(b"\n"))
            row: dict[str, Any] | None = next((row for row in rows if row["request_id"] == request_id), None)
        if row is not None:
            return row | {"time": datetime.fromisoformat(row["time"])}
    return None
