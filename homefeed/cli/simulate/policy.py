"""`homefeed simulate policy`: what exploration costs and brings, on the synthetic site in a closed loop."""

import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homefeed.cli.output import AsJson, emit, progress
from homefeed.errors import HomefeedError

if TYPE_CHECKING:
    from homefeed.cli.simulate.outcome import Measures
    from homefeed.cli.simulate.policies import Policy


#: As long a history as most viewers need to have watched what they like most.
_HISTORY_DAYS = 4.0


class SimulationError(HomefeedError):
    """A simulation cannot be run as asked; the message says why."""


@dataclass(frozen=True)
class Size:
    """How large a simulation is."""

    viewers: int
    videos: int
    history_days: float
    days: int
    features_every_h: int
    train_every_h: int


def command(
    viewers: Annotated[int, typer.Option(min=50, help="Viewers of the site.")] = 700,
    videos: Annotated[
        int, typer.Option(min=100, help="Videos at the beginning; 4 % as many are uploaded a day.")
    ] = 700,
    days: Annotated[int, typer.Option(min=2, help="Simulated days; uploads of all but the last are judged.")] = 4,
    train_every_h: Annotated[int, typer.Option(min=1, help="Simulated hours between two trainings.")] = 24,
    features_every_h: Annotated[
        int, typer.Option(min=1, help="Simulated hours between two publications of events and features.")
    ] = 4,
    seeds: Annotated[str, typer.Option(help="Seeds of site and chance, comma-separated; each policy meets all.")] = "0",
    knobs: Annotated[str, typer.Option(help="Values of the exploration knob.")] = "0,0.05,0.1,0.2,0.4",
    folder: Annotated[
        Path | None, typer.Option("--out", help="Folder for policy.json, policy.png and policy.html.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare values of the exploration knob with the ranker's value alone, and with what is trending and chance.

    Every policy meets the same viewers, visits and chance. Its pages are those of the service's pipeline, its viewers'
    events go through the event log, ingestion and features into the next snapshot and the next training.

    Example: homefeed simulate policy --viewers 1000 --videos 1000 --days 2 --knobs 0,0.1 --out exploration
    """
    from homefeed.cli.simulate import report
    from homefeed.cli.simulate.comparison import compare
    from homefeed.cli.simulate.policies import policies
    from homefeed.settings import load

    if max(train_every_h, features_every_h) > 24 or 24 % features_every_h or train_every_h % features_every_h:
        raise SimulationError(
            "--features-every-h divides 24 hours and --train-every-h, which is at most 24: a training reads what was "
            f"published; {features_every_h} and {train_every_h} do not"
        )
    compared_policies = policies(_numbers(knobs, "--knobs", 0.0, 1.0))
    chosen_seeds = [int(seed) for seed in _numbers(seeds, "--seeds", 0, 2**31)]
    size = Size(viewers, videos, _HISTORY_DAYS, days, features_every_h, train_every_h)
    runs: dict[str, list[Measures]] = {policy.name: [] for policy in compared_policies}
    with progress("simulate policy", len(chosen_seeds) * len(compared_policies) * 144 * days, as_json) as bar:
        for seed in chosen_seeds:
            for name, measures in simulate(size, seed, compared_policies, lambda n: bar.advance(bar.task_ids[0], n)):
                runs[name].append(measures)
    compared = compare([(policy, runs[policy.name]) for policy in compared_policies], chosen_seeds[0])
    default = load().serving.exploration
    note = (
        f"{viewers:,} viewers and {videos:,} videos of the synthetic site, {days} days, seeds {seeds}; models trained "
        f"every {train_every_h} h, features published every {features_every_h} h."
    )
    value = {"note": note, "default": default, "policies": [c.to_dict() for c in compared]}
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "policy.png").write_bytes(report.picture(compared, default, note))
        (folder / "policy.html").write_text(report.html(compared, default, note))
    emit(value, as_json, report.table(compared, default), folder / "policy.json" if folder else None)


def simulate(
    size: Size, seed: int, compared: "Sequence[Policy]", advance: Callable[[float], object]
) -> "list[tuple[str, Measures]]":
    """Every policy on the site of one seed, each from the same history and first release."""
    import importlib

    # Chooses the Keras that TensorFlow brings, before another's import.
    importlib.import_module("models")
    from homefeed.cli.headless import quiet
    from homefeed.cli.simulate.loop import Loop, Plan
    from homefeed.cli.simulate.start import make_start, simulation_settings, topics_before

    plan = Plan(size.days, 6 * size.features_every_h, 6 * size.train_every_h)
    found = []
    with tempfile.TemporaryDirectory(prefix="homefeed-simulate-") as home, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log = Path(home) / "log"

        def settings(name: str) -> Any:
            var = Path(home) / name
            return simulation_settings(
                var, seed, viewers=size.viewers, videos=size.videos, history_days=size.history_days, days=size.days
            )

        start = settings("start")
        with quiet(log):
            release = make_start(start)
        before = topics_before(start)
        for policy in compared:
            run = settings("run")
            shutil.copytree(start.var, run.var)
            outcome = Loop(run, policy, release, plan, log).run(advance)
            found.append((policy.name, outcome.measures(before)))
            shutil.rmtree(run.var)
    return found


def _numbers(text: str, option: str, low: float, high: float) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise SimulationError(f"{option} {text!r} is no list of numbers; write one like 0,0.1,0.4") from None
    wrong = [number for number in numbers if not low <= number <= high]
    if wrong or len(set(numbers)) < len(numbers):
        raise SimulationError(f"{option} {text!r}: each number is once there and between {low:g} and {high:g}")
    return numbers
