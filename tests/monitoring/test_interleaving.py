"""Whose picks viewers watched: by hand, from the log and the lake, and how many viewers it takes."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from homefeed import windows
from homefeed.cli.bench.ranker_choice import needed_viewers
from homefeed.experiments import ExperimentError
from homefeed.knobs import KnobError
from homefeed.lake import open_lake
from homefeed.registry import Experiment, Registry, Stage, open_registry
from homefeed.serving_log import ServingLog
from homefeed.settings import Settings, load
from models.interleaving import FIRST, NOBODY, SECOND
from monitoring.experiments.interleaving import preference, read_interleaving
from monitoring.experiments.page import write_page
from monitoring.experiments.preference import result

START = "20261123T2200Z"
SINCE = windows.start(START)
NOW = windows.end(windows.shift(START, 3))


def prefer(users: Any, team: Any, watched: Any) -> tuple[float, float, float, float]:
    found = preference(np.array(users), np.array(team), np.array(watched, bool), alpha=0.05, expected=0.1)
    return float(found.estimate[0]), float(found.low[0]), float(found.high[0]), float(found.num_viewers[0])


def test_preference_by_hand() -> None:
    """Viewer 1 watched two of the first's picks and one of the second's, viewer 2 one of the first's; what is nobody's
    pick counts for nothing."""
    teams = [FIRST, FIRST, SECOND, FIRST, SECOND, NOBODY]
    estimate, low, high, num_viewers = prefer([1, 1, 1, 2, 2, 3], teams, [1, 1, 1, 1, 0, 1])
    assert (estimate, num_viewers) == (0.5, 2)
    assert low < 0 < high


def test_no_watch_is_no_preference() -> None:
    estimate, low, high, _ = prefer([1, 2], [FIRST, SECOND], [0, 0])
    assert np.isnan(estimate)
    assert (low, high) == (-np.inf, np.inf)


def test_a_viewer_is_one_observation() -> None:
    """A hundred watches of one viewer do not make a preference sure."""
    estimate, low, _, _ = prefer([0] * 100 + [1], [FIRST] * 101, [1] * 101)
    assert low < 0 < estimate


def test_interleaving_takes_a_fifth_of_the_viewers_of_the_comparison_of_arms_at_most() -> None:
    found = needed_viewers(seed=3, num_viewers=10_000)
    assert found.better_is_preferred
    assert found.interleaving <= found.arms / 5


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(var=tmp_path / "var")


@pytest.fixture
def registry(settings: Settings) -> Registry:
    made = open_registry(settings.resolved_registry_url)
    for name, stage in (("r1", Stage.LIVE), ("r2", Stage.CANARY), ("r3", Stage.SHADOW)):
        made.add_release(name, name, SINCE, {})
        made.move(name, stage, SINCE, [])
    return made


def duel(registry: Registry, name: str = "duel", share: float = 0.5) -> Experiment:
    return registry.experiments.start_interleaving(name, ("r1", "r2"), share, SINCE, "me", "which?")


def expose(settings: Settings, chances: tuple[float, float], num: int = 400, teams: Any = None) -> None:
    """One page of ten slots for each of `num` viewers in each of two windows, of which five slots are on screen."""
    random = np.random.default_rng(0)
    log, lake = ServingLog(settings.serving_path, 3600.0), open_lake(settings.lake_path)
    schema = lake.schemas["exposures"]
    for number in (0, 2):
        window = windows.shift(START, number)
        begin = windows.start(window) + timedelta(seconds=1)
        rows = []
        for user in range(num):
            picks = random.integers(-1, 2, 10) if teams is None else np.full(10, teams)
            request_id = f"r-{number}-{user}"
            known = {"request_id": request_id, "time": begin, "user": f"viewer-{user}"}
            log.add("interleaved", known | {"experiment": "duel", "releases": ["r1", "r2"], "teams": picks.tolist()})
            for slot in range(5):
                chance = 0.9 if picks[slot] == NOBODY else chances[picks[slot]]
                seen = {"event_id": f"{request_id}-{slot}", "request_id": request_id, "slot": slot, "user": user}
                rows.append(seen | {"window": window, "time": begin, "watched": bool(random.random() < chance)})
        table = {f.name: pa.array([row.get(f.name) for row in rows], f.type) for f in schema}
        lake.replace("exposures", [window], pa.table(table))
    log.close()


def test_before_the_first_page_nothing_is_said(settings: Settings, registry: Registry) -> None:
    experiment = duel(registry)
    reading = read_interleaving(settings, experiment, NOW)
    assert (reading.num_pages, reading.num_viewers, reading.winner, reading.last) == (0, 0, "", "")
    assert "No exposures yet" in write_page(settings, registry, experiment, reading).read_text()


def test_the_better_release_is_found_and_the_page_says_so(settings: Settings, registry: Registry) -> None:
    experiment = duel(registry)
    expose(settings, (0.2, 0.3))
    reading = read_interleaving(settings, experiment, NOW)
    assert (reading.num_pages, reading.num_viewers, reading.winner) == (800, 400, "r2")
    assert (reading.first, reading.last) == (START, windows.shift(START, 2))
    by_hand = (reading.watched[0] - reading.watched[1]) / sum(reading.watched)
    assert reading.preference[-1] == pytest.approx(by_hand)
    assert by_hand == pytest.approx((0.2 - 0.3) / 0.5, abs=0.08)
    assert sum(reading.shown) == pytest.approx(800 * 5 * 2 / 3, rel=0.05)
    assert reading.preference[0] == reading.preference[1], "nothing was on screen in the window between"
    assert not reading.is_void
    assert result(reading).startswith("r2 is better than r1: ")
    text = write_page(settings, registry, experiment, reading).read_text()
    assert "r2 is better than r1" in text
    assert text.count("<svg") == 1
    assert registry.reports("experiment")[0].summary["winner"] == "r2"


def test_equal_releases_stay_undecided_and_few_viewers_are_not_read(settings: Settings, registry: Registry) -> None:
    experiment = duel(registry)
    expose(settings, (0.25, 0.25))
    assert "Undecided so far" in result(read_interleaving(settings, experiment, NOW))
    expose(settings, (0.1, 0.9), num=20)
    reading = read_interleaving(settings, experiment, windows.start(START) + timedelta(minutes=1))
    assert reading.winner == ""


def test_coins_that_are_not_fair_void_the_reading(settings: Settings, registry: Registry) -> None:
    experiment = duel(registry)
    expose(settings, (0.5, 0.5), teams=FIRST)
    reading = read_interleaving(settings, experiment, NOW)
    assert (reading.is_void, reading.winner) == (True, "")
    assert reading.split_p < 0.001


def test_what_cannot_be_interleaved_is_told(registry: Registry) -> None:
    duel(registry)
    begin = registry.experiments.start_interleaving
    for releases, share, told in (
        (("r1", "r1"), 0.1, "two releases"),
        (("r1", "r9"), 0.1, "no release 'r9'"),
        (("r1", "r3"), 0.1, "r3 is shadow: only a release that the gates let before viewers"),
    ):
        with pytest.raises(ExperimentError, match=told):
            begin("other", releases, share, SINCE, "me")
    with pytest.raises(ExperimentError, match="already"):
        duel(registry)
    with pytest.raises(KnobError, match="is free"):
        duel(registry, "other", 0.6)
    registry.move("r2", Stage.ROLLED_BACK, SINCE, [])
    with pytest.raises(ExperimentError, match="r2 is rolled_back"):
        duel(registry, "other", 0.1)
    assert [found.name for found in registry.experiments.interleavings()] == ["duel"]
    registry.experiments.stop("duel", NOW, "me", "enough")
    assert registry.experiments.interleavings() == []
