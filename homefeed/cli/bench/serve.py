"""`homefeed bench serve`: the service with HOMEFEED_SERVING__BENCH_VIDEOS videos, from request to answer.

The service is the real one, a process of its own, asked over HTTP by another process of this machine. How its
catalogue, viewers and release are made: `serve_site`, `serve_release`. A page of 1,000 candidates has everything
measured, one of HOMEFEED_SERVING__BENCH_CANDIDATES what depends on their number.
"""

import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.progress import Progress

from homefeed import windows
from homefeed.cli.bench import serve_floor, serve_service, serve_strain
from homefeed.settings import Settings

Result = TypeVar("Result")
_SIZED = {
    "ranked": "Candidates that a page ranked, mean.",
    "p50_ms": "Median time of a page, one caller who waits for each answer, HTTP included.",
    "p95_ms": "95th percentile of it.",
    "p99_ms": "99th percentile of it.",
    "cpu_ms": "Processor time of the service for one such page.",
    "pages_per_s": "Most pages a second, arriving on a schedule, of which 99 in 100 were answered within the goal.",
    "sustained_p50_ms": "Median time of a page then, from its scheduled arrival.",
    "sustained_p99_ms": "99th percentile of it.",
    "sustained_cpu_ms": "Processor time of the service for one page then.",
    "floor_search_ms": "The search of the index alone, in a process of its own.",
    "floor_products_ms": "The ranker's matrix products alone, same shapes and library, on one thread.",
    "floor_ms": "Both.",
    "times_floor": "The median page of one caller over that floor.",
}
_STAGES = {
    "viewer": "the viewer, from Feast's online store",
    "sources": "the candidate sources",
    "hydrate": "naming the columns",
    "filter": "the filters",
    "score": "the ranker, with calibration and value",
    "select": "the selection",
    "answer": "the answer's strings",
}
MEANING = {
    "videos": "Videos of the catalogue.",
    "start_s": "Seconds from the start of the process until it is ready, the release in memory.",
    "rss_gib": "Resident memory of the service after the pages of one caller.",
    **_SIZED,
    **{f"stage_{name}_ms": f"Mean time of {what}, one caller." for name, what in _STAGES.items()},
    "http_ms": "What the mean answer took beyond its page: HTTP, JSON, validation.",
    "naive_ms": "A page with candidates' features from an online store, scored one by one.",
    "times_naive": "That over the median page.",
    **serve_strain.MEANING,
    **{f"large_{name}": f"{meaning[:-1]}; the large page." for name, meaning in _SIZED.items()},
}
CANDIDATES = 1000
#: p99 that a sustained rate keeps to [ms].
_GOAL_MS, _LARGE_GOAL_MS = 100.0, 200.0


@dataclass(frozen=True)
class Made:
    """What is served: settings whose `var` holds the site, its viewers, and two releases, the first of them live."""

    settings: Settings
    users: list[str]
    releases: list[str]


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Make the site, then measure."""
    task = progress.task_ids[0]
    with tempfile.TemporaryDirectory(prefix="homefeed-bench-") as folder:
        progress.update(task, description="catalogue and release", total=None)
        made = apart(make, settings.model_copy(update={"var": Path(folder) / "var", "registry_url": ""}))
        return measure(made, lambda what: progress.update(task, description=what))


def apart(work: Callable[..., Result], *args: Any) -> Result:
    """What `work` returns, in a process of its own whose memory is given back."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def make(settings: Settings) -> Made:
    """Make the site under `settings.var`; it takes TensorFlow and memory, so ask for it by `apart`."""
    from homefeed.cli.bench import serve_release, serve_site
    from homefeed.registry import Stage, open_registry

    random = np.random.default_rng(settings.seed)
    now = datetime.now(UTC)
    window = serve_site.window_before(now)
    snapshot = serve_site.made_snapshot(settings.serving.bench_videos, windows.end(window), random)
    viewers = serve_site.made_viewers(snapshot, windows.end(window), settings.features.history_length, random)
    serve_site.publish(settings, snapshot, viewers, window)
    releases = [release.id for release in serve_release.made_releases(settings, snapshot, viewers, window)]
    registry = open_registry(settings.resolved_registry_url)
    for release in releases:
        registry.add_release(release, release, now, {})
        registry.move(release, Stage.ROLLED_BACK, now, [])
    registry.move(releases[0], Stage.LIVE, now, [])
    return Made(settings, viewers.ids, releases)


def measure(made: Made, told: serve_service.Told) -> dict[str, float]:
    """Everything, of a site that is there."""
    large = made.settings.serving.bench_candidates
    told("floor and naive page")
    floor = apart(serve_floor.floor, made.settings, made.releases[0], made.users[0], (CANDIDATES, large))
    with serve_service.running(made.settings, made.users, CANDIDATES) as service:
        told("one caller")
        alone = serve_service.alone(service)
        told("arrivals on a schedule")
        sustained = serve_service.sustained(service, _GOAL_MS)
        pages_per_s = sustained["pages_per_s"]
        told("overload")
        strain = serve_strain.overload(service, pages_per_s)
        told("another release")
        strain |= serve_strain.swap(service, pages_per_s, made.releases[1])
    with serve_service.running(made.settings, made.users, large) as service:
        told("large pages, one caller")
        large_alone = serve_service.alone(service)
        told("large pages, arrivals on a schedule")
        large_sustained = serve_service.sustained(service, _LARGE_GOAL_MS)
    page = alone | sustained | _of_floor(floor, CANDIDATES, alone["p50_ms"])
    large_page = large_alone | large_sustained | _of_floor(floor, large, large_alone["p50_ms"])
    results = page | strain | {f"large_{name}": large_page[name] for name in _SIZED}
    results |= {
        "videos": float(made.settings.serving.bench_videos),
        "naive_ms": floor.naive_ms,
        "times_naive": floor.naive_ms / alone["p50_ms"],
    }
    return {name: results[name] for name in MEANING}


def _of_floor(floor: serve_floor.Floor, num: int, p50_ms: float) -> dict[str, float]:
    total = floor.search_ms[num] + floor.products_ms[num]
    return {
        "floor_search_ms": floor.search_ms[num],
        "floor_products_ms": floor.products_ms[num],
        "floor_ms": total,
        "times_floor": p50_ms / total,
    }
