"""`homefeed bench trainers`: two processes that train one model, each on a core of its own, against one on one core.

They take turns in one run. On a machine that does other work too, seconds say little; so the processor time of an
exposure is measured as well, and what it would allow on two cores that do nothing else.
"""

import functools
import multiprocessing
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from homefeed.cli.bench.trainer_process import NUM, NUM_UNSEEN, Told
from homefeed.cli.bench.trainer_process import run as run_trainer
from homefeed.cli.supervisor.preflight import free_port
from homefeed.errors import HomefeedError
from homefeed.settings import Settings

_OF = {
    "platform": "the platform's own network",
    "reference": "the reference network of `bench train-ranking`",
    "towers": "the two towers, of which an exposure is a watch",
    "towers_large": "the same towers in steps of eight times as many watches",
}
#: Of these steps two learn no twice as large ones: a softmax with twice the columns is another task.
_LARGE = "towers_large"
_EACH = {
    "examples_per_s": "Exposures a second by one trainer on one core, {of}; best of the rounds.",
    "two_examples_per_s": "The same by two trainers on a core each, which learn as large a batch each.",
    "times_one": "The second divided by the first.",
    "cpu_us": "Processor time of an exposure in one trainer; least of the rounds.",
    "two_cpu_us": "The same in two, of both together.",
    "cpu_times_one": "Twice the one divided by the other: `times_one` where nobody waits.",
    "same_batch_examples_per_s": "Exposures a second by two trainers that learn half of the one's batch each.",
    "same_batch_times_one": "That divided by the first.",
    "same_batch_cpu_times_one": "Twice the processor time of an exposure in one, divided by that in these two.",
    "apart_times_one": "Exposures a second by two trainers that exchange nothing and learn a model each, divided by "
    "the first: what two cores of this machine allow.",
}
_OF_TWO = ("two_examples_per_s", "times_one", "two_cpu_us", "cpu_times_one")
MEANING = {
    f"{network}_{name}": text.format(of=of)
    for network, of in _OF.items()
    for name, text in _EACH.items()
    if network != _LARGE or name not in _OF_TWO
} | {
    "ne": "Normalised entropy of one trainer on exposures it never saw, after one pass, on the reference network.",
    "two_ne": "The same of two, whose batch is twice as large.",
    "same_batch_ne": "The same of two that share the one's batches.",
    "loss_gap": "Largest difference between the loss curves of one and of two that share its batches, in ten parts of "
    "the pass of the reference network.",
    "towers_loss_gap": "The same of the towers, without dropout.",
    "reference_owned_examples_per_s": "As `reference_two_examples_per_s`, by two that divide the tables.",
    "reference_owned_times_one": "That divided by `reference_examples_per_s`.",
    "reference_owned_cpu_us": "Processor time of an exposure in them, of both together.",
    "reference_owned_cpu_times_one": "Twice that of one divided by it.",
    "owned_loss_gap": "Largest difference between the loss curves of two that divide the tables and two that do not.",
    "one_peak_mib": "Most memory of the one trainer of the reference network.",
    "two_peak_mib": "The same of each of two, the larger.",
    "owned_peak_mib": "The same of each of two that divide the tables, the larger.",
}
#: The towers' are of whole histories.
BATCH = {"platform": 1024, "reference": 4096, "towers": 1000, "towers_large": 8000}
_STEPS = {"platform": 80, "reference": 20, "towers": 40, "towers_large": 6}
_ROUNDS, _PARTS = 4, 10
#: Both tables of the reference network have more rows.
_OWNED_ROWS = 100_000


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Measure the networks, one after the other."""
    from homefeed.cli.bench.reference_ranker import log

    if len(os.sched_getaffinity(0)) < 2:
        raise HomefeedError("bench trainers pins two trainers to a core each, and this process may use one only")
    task = progress.task_ids[0]
    progress.update(task, total=16 + len(_OF) * _ROUNDS)
    done = functools.partial(progress.update, task, advance=1)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.npz"
        made: dict[str, Any] = log(NUM + NUM_UNSEEN, settings.seed)
        np.savez(path, **made)
        for network in _OF:
            found |= _measured(settings, network, path, done)
    return found


class Team:
    """One trainer, or two that learn together, as processes that wait for what to do; `apart` each learns alone."""

    def __init__(
        self,
        settings: Settings,
        network: str,
        num: int,
        batch: int,
        log: Path,
        owned_rows: int = 0,
        apart: bool = False,
    ) -> None:
        addresses = tuple(f"127.0.0.1:{free_port()}" for _ in range(num))
        cores = sorted(os.sched_getaffinity(0))
        spawn = multiprocessing.get_context("spawn")
        self.examples, self._pipes, self._processes = num * batch, [], []
        for rank in range(num):
            own, other = spawn.Pipe()
            place, team = (0, addresses[rank : rank + 1]) if apart else (rank, addresses)
            told = Told(network.removesuffix("_large"), batch, place, team, cores[rank], log, owned_rows)
            process = spawn.Process(target=run_trainer, args=(settings, told, other), daemon=True)
            process.start()
            other.close()
            self._pipes.append(own)
            self._processes.append(process)
        self._answers()

    def ask(self, name: str, argument: int) -> list[Any]:
        """What each trainer answers."""
        for pipe in self._pipes:
            pipe.send((name, argument))
        return self._answers()

    def _answers(self) -> list[Any]:
        try:
            return [pipe.recv() for pipe in self._pipes]
        except EOFError as error:
            raise HomefeedError("a trainer of bench trainers ended; what it said is above") from error

    def end(self) -> None:
        """Stop the processes."""
        for process in self._processes:
            process.kill()
            process.join()


def _measured(settings: Settings, network: str, log: Path, done: Any) -> dict[str, float]:
    batch, steps = BATCH[network], _STEPS[network]
    teams: dict[str, Team] = {}
    try:
        kinds = [("one", 1, batch), ("same", 2, batch // 2), ("apart", 2, batch)]
        kinds += [("two", 2, batch)] * (network != _LARGE) + [("owned", 2, batch)] * (network == "reference")
        for name, num, size in kinds:
            owned_rows = _OWNED_ROWS if name == "owned" else 0
            teams[name] = Team(settings, network, num, size, log, owned_rows, apart=name == "apart")
            done()
        curves = {}
        if network in ("reference", "towers"):
            curves = {name: team.ask("learned", _PARTS)[0] for name, team in teams.items() if name != "apart"}
        seconds = dict.fromkeys(teams, np.inf)
        busy = dict(seconds)
        for number in range(_ROUNDS):
            for name, team in teams.items():
                answers = np.array(team.ask("train", steps if number else 5)) / (
                    team.examples * (steps if number else 5)
                )
                if number:
                    seconds[name] = min(seconds[name], float(answers[:, 0].max()))
                    busy[name] = min(busy[name], float(answers[:, 1].sum()))
            done()
        peaks = {}
        if network == "reference":
            peaks = {name: max(team.ask("peak_mib", 0)) for name, team in teams.items()}
    finally:
        for team in teams.values():
            team.end()
    found = {f"{network}_{name}": float(value) for name, value in _compared(seconds, busy).items()}
    if network == "towers":
        found["towers_loss_gap"] = _gap(curves, "one", "same")
    if network == "reference":
        found |= {"ne": curves["one"][0], "two_ne": curves["two"][0], "same_batch_ne": curves["same"][0]}
        found |= {"loss_gap": _gap(curves, "one", "same"), "owned_loss_gap": _gap(curves, "two", "owned")}
        found |= {f"{name}_peak_mib": peaks[name] for name in ("one", "two", "owned")}
    return found


def _compared(seconds: dict[str, float], busy: dict[str, float]) -> dict[str, float]:
    """One trainer beside the others there are: seconds, and processor seconds, of an exposure."""
    results = {"examples_per_s": 1 / seconds["one"], "cpu_us": 1e6 * busy["one"]}
    results["apart_times_one"] = seconds["one"] / seconds["apart"]
    for name, times, each in (("two", "", "two_"), ("same", *["same_batch_"] * 2), ("owned", *["owned_"] * 2)):
        if name in seconds:
            results[f"{each}examples_per_s"] = 1 / seconds[name]
            results[f"{times}times_one"] = seconds["one"] / seconds[name]
            results[f"{times}cpu_times_one"] = 2 * busy["one"] / busy[name]
            if name != "same":
                results[f"{each}cpu_us"] = 1e6 * busy[name]
    return results


def _gap(curves: dict[str, Any], one: str, other: str) -> float:
    return float(np.abs(np.subtract(curves[one][1], curves[other][1])).max())
