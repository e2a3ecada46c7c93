"""`homefeed bench events`: events posted to a running service in batches, from the socket to the disk.

Senders are threads of this process with a connection each, on the same cores as the service. Bodies are made before the
clock starts; sending them and reading the answers counts.
"""

import http.client
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import orjson
from rich.progress import Progress

from homefeed.settings import Settings

BATCH, NUM_BATCHES, NUM_SENDERS, NUM_ROUNDS = 100, 1000, 8, 3

MEANING = {
    "events": "Events of one round: 97 of 100 impressions, 2 watches, 1 dismissal; batches of 100 from 8 senders.",
    "events_per_s": "Events per second that were answered 202, so were on disk; best of 3 rounds.",
    "batch_p50_ms": "Half of the batches were answered within this time, in the best round.",
    "batch_p99_ms": "99 of 100 batches were.",
    "service_cpu_us": "Processor time of the service per event.",
    "log_events_per_s": "The same events appended to the event log without HTTP, from as many threads: the floor.",
    "times_floor": "Time of an event over HTTP divided by its time in the log alone.",
    "in_lake_share": "Events that ingestion then found, once each, of those answered.",
}


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Post the rounds, append the same events to a log of their own, and ingest what was posted."""
    import psutil

    from homefeed.ingest.event_log import EventLog
    from homefeed.ingest.window import ingest_windows
    from serving.process import start

    progress.update(progress.task_ids[0], total=NUM_ROUNDS + 2)
    with tempfile.TemporaryDirectory(prefix="homefeed-bench-") as folder:
        own = settings.model_copy(update={"var": Path(folder) / "var", "registry_url": "", "clock_file": None})
        rounds = []
        with start(own, 0) as service:
            process = psutil.Process(service.pid)
            for number in range(NUM_ROUNDS):
                batches = [_batch(number * NUM_BATCHES + n) for n in range(NUM_BATCHES)]
                bodies = [b'{"events":[' + b",".join(batch) + b"]}" for batch in batches]
                before = process.cpu_times()
                elapsed, waits = _post(service.url, bodies)
                after = process.cpu_times()
                used = after.user + after.system - before.user - before.system
                rounds.append((elapsed, waits, used))
                progress.advance(progress.task_ids[0])
        log, now = EventLog(Path(folder) / "floor"), datetime.now(UTC)
        began = time.perf_counter()
        with ThreadPoolExecutor(NUM_SENDERS) as writers:
            list(writers.map(lambda batch: log.append(batch, now), batches))
        floor_s = time.perf_counter() - began
        log.close()
        progress.advance(progress.task_ids[0])
        report = ingest_windows(own, EventLog(own.events_path).windows())
        progress.advance(progress.task_ids[0])
    best_s, waits, used = min(rounds, key=lambda measured: measured[0])
    num_events = BATCH * NUM_BATCHES
    return {
        "events": num_events,
        "events_per_s": num_events / best_s,
        "batch_p50_ms": float(np.percentile(waits, 50)) * 1000,
        "batch_p99_ms": float(np.percentile(waits, 99)) * 1000,
        "service_cpu_us": used / num_events * 1e6,
        "log_events_per_s": num_events / floor_s,
        "times_floor": best_s / floor_s,
        "in_lake_share": report.accepted / (num_events * NUM_ROUNDS),
    }


def _post(url: str, bodies: Sequence[bytes]) -> tuple[float, list[float]]:
    """Seconds until all bodies were answered, and for each how long that took."""
    place = urlsplit(url)

    def send(mine: Sequence[bytes]) -> list[float]:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        connection.connect()
        waits = []
        for body in mine:
            began = time.perf_counter()
            connection.request("POST", "/v1/events", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status == http.client.ACCEPTED, said[:500]
            waits.append(time.perf_counter() - began)
        connection.close()
        return waits

    began = time.perf_counter()
    with ThreadPoolExecutor(NUM_SENDERS) as senders:
        waits = [
            wait for part in senders.map(send, [bodies[n::NUM_SENDERS] for n in range(NUM_SENDERS)]) for wait in part
        ]
    return time.perf_counter() - began, waits


def _batch(number: int) -> list[bytes]:
    """The events of one batch, as a site sends them: about 300 bytes each."""
    moment = datetime.now(UTC)
    time_text = moment.isoformat(timespec="milliseconds")
    shown = {
        "slot": 1,
        "surface": "home",
        "device": "phone",
        "release": "r20261123T2200Z-1a2b3c",
        "source": "two_tower",
    }
    shown |= {"score": 0.0312, "propensity": 0.92, "explored": False}
    events = []
    for n in range(number * BATCH, (number + 1) * BATCH):
        common = {"event_id": f"e-{n:012x}", "time": time_text, "user": f"viewer-{n % 20_000:06}"}
        common |= {"video": f"video-{n % 20_011:07}", "request_id": f"r-{n // 20:08x}"}
        if n % 50 == 0:
            events.append({**common, "type": "watch", "seconds": 12.5})
        elif n % 100 == 1:
            events.append({**common, "type": "feedback", "kind": "not_interested"})
        else:
            events.append({**common, "type": "impression", **shown, "slot": n % 100})
    return list(map(orjson.dumps, events))
