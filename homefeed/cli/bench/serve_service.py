"""The service under measurement: started, asked, and its own figures read."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from homefeed.settings import Settings
from serving.load import Answers, Load

if TYPE_CHECKING:
    from serving.process import ServiceProcess

Told = Callable[[str], object]
#: Pages before anything is measured, pages of one caller, callers and pages that look for the most there is.
WARM_UP, ALONE, CALLERS, MOST = 200, 1000, 8, 600
#: Seconds that a rate is kept up, and the next rate after one that was too high.
SUSTAINED_S, SLOWER = 20.0, 0.93
_START_S = 300.0


@dataclass(frozen=True)
class Service:
    """A running service with its load, and the seconds that its start took."""

    process: "ServiceProcess"
    load: Load
    settings: Settings
    start_s: float

    def cpu_s(self) -> float:
        """Processor seconds of the service so far."""
        import psutil

        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def rss_gib(self) -> float:
        """Resident memory."""
        import psutil

        return float(psutil.Process(self.process.pid).memory_info().rss / 2**30)

    def figures(self) -> dict[str, float]:
        """Every figure of `/metrics` by its name with labels."""
        lines = httpx.get(f"{self.process.url}/metrics", timeout=30).text.splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def get(self, path: str) -> Any:
        """JSON of a GET."""
        return httpx.get(f"{self.process.url}{path}", timeout=30).json()


@contextmanager
def running(settings: Settings, users: Sequence[str], candidates: int) -> Iterator[Service]:
    """The service with pages of so many candidates, warm."""
    from serving.process import start

    changed = settings.serving.model_copy(update={"num_candidates": candidates, "num_ranked": candidates})
    own = settings.model_copy(update={"serving": changed})
    began = time.perf_counter()
    with start(own, 0, _START_S) as process, Load(process.url, users) as load:
        start_s = time.perf_counter() - began
        service = Service(process, load, own, start_s)
        load.closed(1, WARM_UP)
        load.closed(CALLERS, WARM_UP)
        yield service


def alone(service: Service) -> dict[str, float]:
    """One caller who waits for each answer."""
    before, cpu_s = service.figures(), service.cpu_s()
    answers = service.load.closed(1, ALONE)
    cpu_ms = 1000 * (service.cpu_s() - cpu_s) / ALONE
    _all_served(answers)
    after = service.figures()

    def mean(histogram: str, label: str = "") -> float:
        """Mean of what a histogram took in meanwhile, over the labels that hold `label`."""
        sums = [
            sum(after[n] - before.get(n, 0) for n in after if n.startswith(f"{histogram}_{part}") and label in n)
            for part in ("sum", "count")
        ]
        return sums[0] / max(sums[1], 1)

    stages = ("viewer", "sources", "hydrate", "filter", "score", "select", "answer")
    return {
        "start_s": service.start_s,
        "rss_gib": service.rss_gib(),
        "ranked": mean("homefeed_ranked_candidates"),
        **{f"p{share}_ms": answers.ms(share / 100) for share in (50, 95, 99)},
        "cpu_ms": cpu_ms,
        **{f"stage_{name}_ms": 1000 * mean("homefeed_stage_seconds", f'stage="{name}"') for name in stages},
        "http_ms": 1000 * (float(answers.latency_s.mean()) - mean("homefeed_page_seconds")),
    }


def sustained(service: Service, goal_ms: float) -> dict[str, float]:
    """The most pages a second on a schedule with a p99 within `goal_ms`, every one of them answered."""
    most = service.load.closed(CALLERS, MOST)
    rate = 1.05 * most.served / most.seconds
    while True:
        cpu_s = service.cpu_s()
        answers = service.load.open(rate, SUSTAINED_S).result()
        cpu_ms = 1000 * (service.cpu_s() - cpu_s) / max(answers.served, 1)
        p99 = answers.ms(0.99)
        if (answers.served == len(answers.status) and p99 <= goal_ms) or rate < 1:
            break
        rate *= SLOWER
        time.sleep(1)
    return {
        "pages_per_s": rate,
        "sustained_p50_ms": answers.ms(0.5),
        "sustained_p99_ms": p99,
        "sustained_cpu_ms": cpu_ms,
    }


def _all_served(answers: Answers) -> None:
    if answers.served != len(answers.status):
        found = dict(zip(*np.unique(answers.status, return_counts=True), strict=True))
        raise RuntimeError(f"one caller was not always answered: {found} answers by status")
