"""The load test of one release, before viewers meet it: a service of its own, asked for more pages than the peak."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

from homefeed.settings import Settings
from serving.load import Answers, Load
from serving.process import start
from serving.rehearsal import rehearsal, some_viewers

KIND = "load"
_VIEWERS, _WARM_UP, _CALLERS = 2_000, 60, 4
#: Multiples of the peak: at the first every page is answered in time, at the second what is too much is refused.
TIMES, TIMES_SHED = 1.5, 3.0
_REFUSED = 429
_START_S = 300.0


@dataclass(frozen=True)
class LoadTest:
    """What a release did under load.

    Attributes:
      release: its id.
      pages_per_s: pages that arrived a second, 1.5 times the peak.
      pages: how many arrived.
      failed: how many of them got no page.
      p50_ms, p99_ms: time of an answer, from its scheduled arrival.
      rss_gib: resident memory afterwards.
      shed_pages_per_s: pages that arrived a second in the overload, 3 times the peak.
      shed_pages, shed_served, shed_refused, shed_failed: pages that arrived then, were answered, refused, and neither.
    """

    release: str
    pages_per_s: float
    pages: int
    failed: int
    p50_ms: float
    p99_ms: float
    rss_gib: float
    shed_pages_per_s: float
    shed_pages: int
    shed_served: int
    shed_refused: int
    shed_failed: int


def load_test(
    settings: Settings, release: str, beside: Callable[[int], AbstractContextManager[object]] = nullcontext
) -> LoadTest:
    """Ask a service in which `release` is live for 1.5 times and 3 times `rollout.load_peak` pages a second.

    Args:
      settings: the settings tree.
      release: its bundle is in the model store.
      beside: what else happens to the service's process meanwhile; a drill disturbs it.

    Raises:
      ServiceError: the service did not start.
      BundleError: there is no such bundle.
    """
    knobs = settings.rollout
    with (
        rehearsal(settings, [release]) as own,
        start(own, 0, _START_S) as service,
        Load(service.url, some_viewers(settings, _VIEWERS)) as load,
    ):
        load.closed(1, _WARM_UP)
        load.closed(_CALLERS, _WARM_UP)
        with beside(service.pid):
            answers = load.open(TIMES * knobs.load_peak, knobs.load_s).result()
            rss = psutil.Process(service.pid).memory_info().rss
            time.sleep(1)
            shed = load.open(TIMES_SHED * knobs.load_peak, knobs.load_s).result()
    return LoadTest(
        release=release,
        pages_per_s=TIMES * knobs.load_peak,
        pages=len(answers.status),
        failed=len(answers.status) - answers.served,
        p50_ms=answers.ms(0.5),
        p99_ms=answers.ms(0.99),
        rss_gib=rss / 2**30,
        shed_pages_per_s=TIMES_SHED * knobs.load_peak,
        shed_pages=len(shed.status),
        shed_served=shed.served,
        shed_refused=_count(shed, _REFUSED),
        shed_failed=int((~np.isin(shed.status, (200, _REFUSED))).sum()),
    )


def write_report(settings: Settings, window: str, found: LoadTest) -> Path:
    """Keep a load test where gate G12 looks for it: in `reports/load/<release>.json`, entered in the registry."""
    from homefeed.registry import open_registry

    file = settings.reports_path / KIND / f"{found.release}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(found), indent=2))
    open_registry(settings.resolved_registry_url).add_report(KIND, window, found.release, file, asdict(found))
    return file


def _count(answers: Answers, status: int) -> int:
    return int((answers.status == status).sum())
