"""`homefeed bench monitoring`: the report of one window of 500,000 exposures, from the lake to the written page.

The report runs in a process of its own, which is what its memory is measured on. The window, the season a week before
it and the ranker are made first (`monitoring_site`).
"""

import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.progress import Progress

from homefeed.settings import Settings

NUM_EXPOSURES = 500_000
MEANING = {
    "exposures": "Exposures of the window; each of the windows around the same time a week before has as many.",
    "columns": "Columns that were held against their season, those of slices left out.",
    "report_s": "Seconds from the loaded release to the written report: exposures and season read with their features, "
    "predictions, drift, quality, pictures. The goal is at most 60.",
    "report_cpu_s": "Processor seconds of the same, all threads: what the machine's other work cannot stretch.",
    "peak_gib": "Largest resident memory of that process, with what it imports. The goal is at most 4.",
    "drift_cpu_s": "Processor seconds of drift alone, with its season and its pictures.",
}


def run(settings: Settings, progress: Progress, num: int = NUM_EXPOSURES) -> dict[str, float]:
    """Make the site in a folder of its own and report on it in another process."""
    from homefeed.cli.bench.monitoring_site import WINDOW, MadeRelease, write_site

    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"var": Path(folder), "registry_url": ""})
        write_site(own, num)
        progress.update(progress.task_ids[0], completed=0.5)
        MadeRelease.make(own, Path(folder) / "release")
        told = Path(folder) / "told.json"
        worker = multiprocessing.get_context("spawn").Process(
            target=report, args=(own, Path(folder) / "release", WINDOW, told)
        )
        worker.start()
        worker.join()
        if worker.exitcode != 0:
            raise RuntimeError(
                f"the report of window {WINDOW} ended with exit code {worker.exitcode}; its error is above"
            )
        return {"exposures": float(num), **json.loads(told.read_text())}


def report(settings: Settings, release: Path, window: str, told: Path) -> None:
    """Write the report of one window, and into `told` what it took."""
    from homefeed import windows
    from homefeed.cli.bench.monitoring_site import MadeRelease
    from homefeed.registry import Stage, open_registry
    from monitoring import report as reports

    registry = open_registry(settings.resolved_registry_url)
    registry.add_release("made", "made", windows.start(window), {})
    live = registry.move("made", Stage.LIVE, windows.start(window), [])
    bundle: Any = MadeRelease(settings, release)
    drift_s = _timed(reports)
    began, cpu = time.perf_counter(), time.process_time()
    written = reports.report_on(settings, registry, live, bundle, window)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    columns = json.loads(written.json.read_text())["drift"]["columns"]
    told.write_text(
        json.dumps(
            {
                "columns": float(sum(column["kind"] != "slices" for column in columns)),
                "report_s": seconds,
                "report_cpu_s": cpu_s,
                "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                "drift_cpu_s": sum(drift_s),
            }
        )
    )


def _timed(reports: Any) -> list[float]:
    """Processor seconds of each call of drift from now on."""
    measure, spent = reports.measure_drift, list[float]()

    def timed(*args: Any) -> Any:
        began = time.process_time()
        try:
            return measure(*args)
        finally:
            spent.append(time.process_time() - began)

    reports.measure_drift = timed
    return spent
