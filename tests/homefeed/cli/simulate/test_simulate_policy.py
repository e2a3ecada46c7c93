"""`homefeed simulate policy`: the loop on a small site, what is written, and what is refused."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from homefeed.cli import build
from homefeed.cli.simulate import policies as policies_module
from homefeed.cli.simulate import policy as module
from homefeed.cli.simulate.loop import Loop, Plan
from homefeed.cli.simulate.outcome import Measures
from homefeed.cli.simulate.policies import VALUE_ALONE, policies
from homefeed.cli.simulate.policy import SimulationError
from homefeed.cli.simulate.start import make_start, simulation_settings, topics_before
from homefeed.settings.serving import ServingSettings
from serving.draft import Draft

RUNNER = CliRunner()


def made_up(exploration: float) -> Measures:
    random = np.random.default_rng(round(100 * exploration))
    hours = np.where(random.random(80) < 0.1 + exploration, 6.0, np.inf)
    watched, discovered, dismissed = random.exponential(100, 300), random.random(300), random.random(300)
    knew = np.arange(300) % 5 > 0
    return Measures(watched, discovered, watched, discovered, knew, dismissed, hours, 0.5)


def simulated(*_: object) -> list[tuple[str, Measures]]:
    return [(policy.name, made_up(policy.exploration or 0.0)) for policy in policies([0.0, 0.1])]


def test_it_writes_a_table_a_picture_and_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "simulate", simulated)
    folder = tmp_path / "out"
    asked = ["simulate", "policy", "--knobs", "0,0.1", "--seeds", "1,2", "--out", str(folder), "--json"]
    done = RUNNER.invoke(build(["simulate"]), asked, catch_exceptions=False)
    assert done.exit_code == 0
    value = json.loads(done.stdout)
    names = [row["policy"] for row in value["policies"]]
    assert names == ["value alone", "ranker 0", "ranker 0.1", "trending", "random"]
    assert json.loads((folder / "policy.json").read_text()) == value
    with Image.open(folder / "policy.png") as image:
        assert image.size == (1500, 640)
    page = (folder / "policy.html").read_text()
    assert "data:image/png;base64," in page
    assert "http" not in page.replace("http-equiv", "")
    shown = RUNNER.invoke(build(["simulate"]), asked[:-3], catch_exceptions=False, env={"COLUMNS": "250"})
    assert "Exploring 10% of the slots" in shown.stdout


def test_value_alone_explores_and_spreads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies_module, "run", lambda draft: draft)
    policy = next(policy for policy in policies([0.1]) if policy.name == VALUE_ALONE)
    draft = cast("Draft", SimpleNamespace(settings=ServingSettings(channel_decay=0.5, topic_decay=0.5, num_ranked=7)))
    knobs = policy.page(draft).settings
    assert (policy.exploration, policy.is_trained) == (None, True)
    assert (knobs.channel_decay, knobs.topic_decay, knobs.num_ranked) == (1.0, 1.0, 7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--knobs", "0,high"), "--knobs '0,high' is no list of numbers"),
        (("--knobs", "0,1.5"), "between 0 and 1"),
        (("--knobs", "0,0"), "each number is once there"),
        (("--features-every-h", "5"), "--features-every-h divides 24"),
        (("--train-every-h", "48"), "at most 24"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        RUNNER.invoke(build(["simulate"]), ["simulate", "policy", *arguments], catch_exceptions=False)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_policies_without_training_run_through_the_platform(tmp_path: Path) -> None:
    """Two days of a tiny site: chance spreads impressions over channels, and the same run again is the same."""
    settings = simulation_settings(tmp_path / "var", 3, viewers=60, videos=300, history_days=1.0, days=2)
    release = make_start(settings, is_trained=False)
    before = topics_before(settings)
    assert before.any()
    *_, trending, by_chance = policies([0.0])
    ginis = {}
    for policy in (trending, by_chance):
        loop = Loop(settings, policy, release, Plan(2, 288, 288), tmp_path / "log")
        first = loop.run(lambda _: None).measures(before)
        assert first.watch_s.sum() > 0
        ginis[policy.name] = first.gini
    again = Loop(settings, by_chance, release, Plan(2, 288, 288), tmp_path / "log").run(lambda _: None).measures(before)
    assert again.watch_s.tolist() == first.watch_s.tolist()
    assert ginis["random"] < ginis["trending"]
