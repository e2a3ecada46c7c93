"""Experiments on a made-up site: what is read of them, and the page that says so."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from homefeed import ids, windows
from homefeed.experiments import ExperimentArm, ExperimentError, arm_codes
from homefeed.knobs import KnobError
from homefeed.lake import open_lake
from homefeed.registry import Experiment, Registry, open_registry
from homefeed.settings import Settings, load
from monitoring.experiments.page import write_page
from monitoring.experiments.reading import read_experiment

START = "20261123T2200Z"
NOW = windows.end(windows.shift(START, 6))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(var=tmp_path / "var")


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return open_registry(settings.resolved_registry_url)


def start(registry: Registry, name: str = "e", share: float = 0.5, **where: Any) -> Experiment:
    arms = [ExperimentArm("control", 0.0, share), ExperimentArm("more", 0.0, share)]
    return registry.experiments.start(name, arms, windows.start(START), "me", "to see", **(where or {"layer": "l"}))


def expose(settings: Settings, experiment: Experiment, effect: float, drop: float = 0.0, num: int = 6_000) -> None:
    """Viewers with an appetite each watch in the window before the start and in two windows after; those of the second
    arm watch `effect` more, and a share `drop` of them is lost."""
    random = np.random.default_rng(0)
    users = ids.keys(pa.array([f"viewer-{i}" for i in range(num)])).to_numpy()
    treated = arm_codes(experiment.layer, experiment.arm_list, users) == 1
    kept = ~treated | (random.random(num) >= drop)
    appetite = random.gamma(1, 60, num)
    lake = open_lake(settings.lake_path)
    schema = lake.schemas["exposures"]
    for number in (-1, 0, 3):
        window = windows.shift(START, number)
        lift = 1 + effect * treated if number >= 0 else 1.0
        seconds = (appetite * lift * random.uniform(0.8, 1.2, num))[kept]
        known = {
            "window": [window] * len(seconds),
            "event_id": [f"{number}-{i}" for i in range(len(seconds))],
            "time": [windows.start(window) + timedelta(seconds=1)] * len(seconds),
            "user": users[kept],
            "watched": np.ones(len(seconds), bool),
            "watch_s": seconds,
            "dismissed": random.random(len(seconds)) < 0.1,
        }
        rows = pa.table({f.name: pa.array(known.get(f.name, pa.nulls(len(seconds), f.type)), f.type) for f in schema})
        lake.replace("exposures", [window], rows)


def test_an_experiment_without_exposures_says_nothing(settings: Settings, registry: Registry) -> None:
    experiment = start(registry)
    reading = read_experiment(settings, experiment, NOW)
    assert (reading.effects, reading.is_void, reading.first) == ([], False, "")
    assert [arm["viewers"] for arm in reading.arms] == [0, 0]
    assert "No exposures yet" in write_page(settings, registry, experiment, reading).read_text()


def test_too_few_viewers_are_not_read(settings: Settings, registry: Registry) -> None:
    experiment = start(registry)
    expose(settings, experiment, 0.5, num=40)
    effects = read_experiment(settings, experiment, NOW).effects
    assert {value for effect in effects for value in effect.relative} == {None}
    assert {effect.verdict for effect in effects} == {"undecided"}


def test_more_watch_time_is_found_and_the_past_explains_most_of_the_variance(
    settings: Settings, registry: Registry
) -> None:
    experiment = start(registry)
    expose(settings, experiment, 0.1)
    reading = read_experiment(settings, experiment, NOW)
    effects = {effect.metric: effect for effect in reading.effects}
    watch = effects["watch_time"]
    assert watch.verdict == "better"
    assert watch.relative[-1] == pytest.approx(0.1, abs=0.02)
    assert watch.explained > 0.8
    assert (watch.windows[0], watch.windows[-1]) == (START, windows.shift(START, 3))
    assert effects["dismissals"].verdict == effects["long_views"].verdict == "undecided"
    assert not reading.is_void
    text = write_page(settings, registry, experiment, reading).read_text()
    assert "more is better in seconds watched per viewer" in text
    assert text.count("<svg") == 3
    assert registry.reports("experiment")[0].summary["effects"][0]["verdict"] == "better"


def test_a_stopped_experiment_is_read_up_to_its_end(settings: Settings, registry: Registry) -> None:
    expose(settings, start(registry), 0.1)
    stopped = registry.experiments.stop("e", windows.end(START), "me", "enough")
    assert read_experiment(settings, stopped, NOW).last == START


def test_lost_viewers_void_the_experiment(settings: Settings, registry: Registry) -> None:
    experiment = start(registry)
    expose(settings, experiment, 0.1, drop=0.2)
    reading = read_experiment(settings, experiment, NOW)
    assert reading.is_void
    assert reading.sample_ratio_p["more"] < 0.001
    assert "Void" in write_page(settings, registry, experiment, reading).read_text()


def test_experiments_of_one_layer_never_meet_and_those_of_two_are_independent(registry: Registry) -> None:
    first, second = start(registry, "a", 0.25), start(registry, "b", 0.25)
    other = start(registry, "c", 0.5, layer="another")
    users = ids.keys(pa.array([f"viewer-{i}" for i in range(20_000)])).to_numpy()
    in_a, in_b, in_c = (arm_codes(e.layer, e.arm_list, users) for e in (first, second, other))
    assert not ((in_a >= 0) & (in_b >= 0)).any()
    assert ((in_a >= 0) | (in_b >= 0)).all()
    both = (in_a == 1) & (in_c == 1)
    assert both.mean() == pytest.approx(0.25 * 0.5, abs=0.01)


def test_arms_turn_their_knob_and_give_it_back(registry: Registry) -> None:
    arms = [ExperimentArm("control", 0, 0.2, 0.1), ExperimentArm("more", 0, 0.2, 0.3)]
    registry.experiments.start("e", arms, windows.start(START), "me", knob="exploration")
    held = {turn.arm: (turn.value, turn.start, turn.share) for turn in registry.knobs.holding("exploration")}
    assert held == {"e/control": (0.1, 0.0, 0.2), "e/more": (0.3, 0.2, 0.2)}
    registry.experiments.stop("e", NOW, "me", "enough")
    assert registry.knobs.holding("exploration") == []


def test_what_cannot_be_started_or_stopped_is_told(registry: Registry) -> None:
    start(registry)
    with pytest.raises(ExperimentError, match="already"):
        start(registry)
    with pytest.raises(KnobError, match="is free"):
        start(registry, "f", 0.3)
    with pytest.raises(ExperimentError, match="two arms"):
        registry.experiments.start("g", [ExperimentArm("only", 0, 0.1)], NOW, "me", layer="x")
    arms = [ExperimentArm("control", 0, 0.2, 0.1), ExperimentArm("more", 0, 0.2, 3.0)]
    with pytest.raises(KnobError, match="between 0 and 1"):
        registry.experiments.start("h", arms, NOW, "me", knob="exploration")
    assert registry.knobs.holding("exploration") == [], "the first arm was not left behind"
    with pytest.raises(ExperimentError, match="does not run"):
        registry.experiments.stop("nobody", NOW, "me", "")
