"""`homefeed bench replicas`: pages a second of two replicas behind HAProxy against one, each replica on one core.

HAProxy and the callers need processor time as well. Where there is no core left for them they take it from the
replicas, so the result also says what the replicas' own processor time for a page makes of it. The site is that of
`homefeed bench serve`, of HOMEFEED_SERVING__BENCH_VIDEOS videos.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from rich.progress import Progress

from homefeed.cli.bench.serve import CANDIDATES, Made, apart, make
from homefeed.cli.supervisor.preflight import free_port
from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from serving.load import Load

if TYPE_CHECKING:
    from serving.process import ServiceProcess

MEANING = {
    "videos": "Videos of the catalogue.",
    "cores": "Cores that the command may use; below three the callers and HAProxy share those of the replicas.",
    "one_pages_per_s": "Pages a second of one replica on one core, through HAProxy; best of 3 rounds.",
    "two_pages_per_s": "The same of two replicas, each on a core of its own.",
    "times_one": "The second over the first.",
    "one_cpu_ms": "Processor time of a replica for one page, with one.",
    "two_cpu_ms": "The same with two.",
    "beside_cpu_ms": "Processor time of HAProxy and of the callers for one page, with two.",
    "times_one_apart": "Twice the ratio of the two processor times: what two make of one where callers and HAProxy "
    "have a core of their own.",
    "failed": "Requests that got no page.",
}
_CALLERS, _WARM_UP, _PAGES, _ROUNDS = 8, 200, 600, 3
_START_S = 300.0


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Make the site, then measure."""
    command, cores = shutil.which("haproxy"), sorted(os.sched_getaffinity(0))
    if command is None or len(cores) < 2:
        raise HomefeedError(f"this needs haproxy on the PATH (found: {command}) and two cores (found: {len(cores)})")
    task = progress.task_ids[0]
    with tempfile.TemporaryDirectory(prefix="homefeed-bench-") as folder:
        progress.update(task, description="catalogue and release", total=None)
        made = apart(make, settings.model_copy(update={"var": Path(folder) / "var", "registry_url": ""}))
        progress.update(task, description="one replica")
        one = _measured(made, command, cores[:1])
        progress.update(task, description="two replicas")
        two = _measured(made, command, cores[:2])
    return {
        "videos": float(settings.serving.bench_videos),
        "cores": float(len(cores)),
        "one_pages_per_s": one["pages_per_s"],
        "two_pages_per_s": two["pages_per_s"],
        "times_one": two["pages_per_s"] / one["pages_per_s"],
        "one_cpu_ms": one["cpu_ms"],
        "two_cpu_ms": two["cpu_ms"],
        "beside_cpu_ms": two["beside_cpu_ms"],
        "times_one_apart": 2 * one["cpu_ms"] / two["cpu_ms"],
        "failed": one["failed"] + two["failed"],
    }


def _measured(made: Made, command: str, cores: list[int]) -> dict[str, float]:
    from serving.process import start

    serving = made.settings.serving.model_copy(
        update={"num_candidates": CANDIDATES, "num_ranked": CANDIDATES, "num_threads": 1, "ranking_threads": 1}
    )
    own = made.settings.model_copy(update={"serving": serving})
    with ExitStack() as running:
        replicas = [
            running.enter_context(
                start(own, 0, _START_S, ("taskset", "--cpu-list", str(core), sys.executable, "-m", "serving"))
            )
            for core in cores
        ]
        behind = own.replicas.model_copy(
            update={
                "addresses": ",".join(urlsplit(replica.url).netloc for replica in replicas),
                "port": free_port(),
                "metrics_port": free_port(),
                "slow_start_s": 0.0,
            }
        )
        balancer = running.enter_context(_balancer(own.model_copy(update={"replicas": behind}), command))
        load = running.enter_context(Load(f"http://127.0.0.1:{behind.port}", made.users))
        load.closed(_CALLERS, _WARM_UP * len(cores))
        best: dict[str, float] = {"pages_per_s": 0.0}
        failed = 0
        for _ in range(_ROUNDS):
            before, beside = _cpu_s([r.pid for r in replicas]), _cpu_s([balancer, *_children(replicas, balancer)])
            answers = load.closed(_CALLERS, _PAGES * len(cores))
            after, beside_after = _cpu_s([r.pid for r in replicas]), _cpu_s([balancer, *_children(replicas, balancer)])
            failed += len(answers.status) - answers.served
            if answers.served / answers.seconds > best["pages_per_s"]:
                best = {
                    "pages_per_s": answers.served / answers.seconds,
                    "cpu_ms": 1000 * (after - before) / answers.served,
                    "beside_cpu_ms": 1000 * (beside_after - beside) / answers.served,
                }
    return best | {"failed": float(failed)}


@contextmanager
def _balancer(settings: Settings, command: str) -> Iterator[int]:
    """HAProxy with every replica ready behind it: its process id."""
    from serving.haproxy import configuration

    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(configuration(settings))
        file.flush()
        process = subprocess.Popen(
            [command, "-db", "-f", file.name], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        try:
            until = time.monotonic() + 30
            while not _is_ready(settings):
                if process.poll() is not None or time.monotonic() > until:
                    raise HomefeedError(
                        f"HAProxy did not get ready; `{command} -c -f` on `homefeed deploy haproxy` says why"
                    )
                time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def _is_ready(settings: Settings) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{settings.replicas.port}/readyz", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _children(replicas: "list[ServiceProcess]", balancer: int) -> list[int]:
    """The processes of this one that are neither a replica nor HAProxy: the callers."""
    import psutil

    known = {balancer, *(replica.pid for replica in replicas)}
    return [child.pid for child in psutil.Process().children() if child.pid not in known]


def _cpu_s(pids: list[int]) -> float:
    import psutil

    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(each.user + each.system for each in times))
