"""New calibrators reach a running service through their file."""

import json
from typing import Any

import numpy as np
import pytest
from tiny_site import WINDOW, StubBundle, table

from homefeed import windows
from homefeed.features import TARGETS
from models.ranking.calibration import Calibrator, record_of
from serving.metrics import CALIBRATED, CALIBRATION_FAILURES, CORRECTED

LATER = windows.shift(WINDOW, 1)


def write(world: Any, release: str, window: str, factor: float, changes: Any = None) -> None:
    record = {
        "release": release,
        "window": window,
        "calibrators": record_of(dict.fromkeys(TARGETS, Calibrator("scale", (), (factor,)))),
    }
    folder = world.settings.calibrations_path / release
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{window}.json").write_text(json.dumps(record | (changes or {})))


def factor_of(bundle: StubBundle) -> float | None:
    return None if bundle.adjustment is None else bundle.adjustment.calibrators["watched"].y[0]


def test_a_release_answers_with_what_it_was_built_with_until_there_is_a_file(world: Any, open_feed: Any) -> None:
    world.release("r-plain")
    feed = open_feed()
    assert factor_of(world.bundles["r-plain"]) is None
    assert feed.state()["live"]["calibrated"] is None
    write(world, "r-other", WINDOW, 0.5)
    feed.refresh()
    assert factor_of(world.bundles["r-plain"]) is None


def test_the_newest_file_answers_without_a_restart(world: Any, open_feed: Any) -> None:
    world.release("r-new")
    feed = open_feed()
    write(world, "r-new", WINDOW, 0.5)
    feed.refresh()
    assert factor_of(world.bundles["r-new"]) == 0.5
    write(world, "r-new", LATER, 0.25)
    feed.refresh()
    assert factor_of(world.bundles["r-new"]) == 0.25
    assert feed.state()["live"]["calibrated"] == LATER
    assert CALIBRATED.labels(release="r-new")._value.get() == windows.end(LATER).timestamp()


@pytest.mark.parametrize(
    "changes",
    [
        {"calibrators": {}},
        {"calibrators": record_of(dict.fromkeys(TARGETS, Calibrator("scale", (), (float("nan"),))))},
        {"calibrators": record_of(dict.fromkeys(TARGETS, Calibrator("isotonic", (0.0, 1.0), (1.0, 0.0))))},
        {"corrections": {"videos": [7, 7], "odds": [0.5, 0.5]}},
        {"release": "r-another"},
        {"window": "20200101T0000Z"},
    ],
)
def test_a_broken_file_leaves_the_old_one_and_is_counted_once(world: Any, open_feed: Any, changes: Any) -> None:
    world.release("r-old")
    failures = CALIBRATION_FAILURES.labels(release="r-old")
    before = failures._value.get()
    write(world, "r-old", WINDOW, 0.5)
    feed = open_feed()
    write(world, "r-old", LATER, 0.25, changes)
    feed.refresh()
    feed.refresh()
    assert factor_of(world.bundles["r-old"]) == 0.5
    assert feed.state()["live"]["calibrated"] == WINDOW
    assert failures._value.get() == before + 1
    write(world, "r-old", LATER, 0.25)
    feed.refresh()
    assert factor_of(world.bundles["r-old"]) == 0.25


def test_corrections_of_videos_come_with_the_file(world: Any, open_feed: Any) -> None:
    world.release("r-viral")
    write(world, "r-viral", WINDOW, 0.5, {"corrections": {"videos": [3, 7], "odds": [0.25, -0.5]}})
    open_feed()
    corrections = world.bundles["r-viral"].adjustment.corrections
    assert corrections.of(np.array([7, 5])).tolist() == [-0.5, 0]
    assert CORRECTED.labels(release="r-viral")._value.get() == 2


def test_a_release_that_was_loaded_anew_is_told_again(world: Any, open_feed: Any) -> None:
    world.release("r-again")
    write(world, "r-again", WINDOW, 0.5)
    feed = open_feed()
    fresh = StubBundle("r-again", table(400))
    feed.releases._bundles["r-again"] = fresh
    feed.refresh()
    assert factor_of(fresh) == 0.5
