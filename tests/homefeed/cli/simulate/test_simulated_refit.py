"""`homefeed simulate policy`: the release that answers is refitted whenever features are published."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from numpy.typing import NDArray

from homefeed import windows
from homefeed.cli.simulate import loop as module
from homefeed.cli.simulate.loop import Loop, Plan
from homefeed.cli.simulate.policies import Policy
from homefeed.cli.simulate.start import END, make_start, simulation_settings
from homefeed.features import TARGETS
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.ranking.adjustment import Adjustment
from models.ranking.calibration import IDENTITY
from serving.draft import Draft
from serving.pipeline import run

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
FIRST = windows.window_of(END)
#: Promised of every video, by calibrators that know nothing. Of a hundred impressions about two are watched.
PROMISED = 0.001


class Release:
    """A release that has learned all windows up to `learned`, and promises far too little."""

    shape = SimpleNamespace(history_length=1, ranker_history_length=1)

    def __init__(self, release: str, learned: str) -> None:
        self.release, self.manifest = release, SimpleNamespace(windows=(learned, learned))
        self.calibrators = dict.fromkeys(TARGETS, IDENTITY)
        self.adjustment = Adjustment(self.calibrators)
        self.videos: NDArray[np.int64] = np.zeros(0, np.int64)

    def uncalibrated(self, inputs: Any) -> NDArray[np.float32]:
        return np.full((len(inputs.video), len(TARGETS)), PROMISED, np.float32)

    def recalibrate(self, adjustment: Adjustment) -> None:
        self.adjustment = adjustment

    def refresh(self, snapshot: Any, time: Any) -> None:
        self.videos = snapshot.column("video").to_numpy()

    def query(self, user: Any, time: Any) -> NDArray[np.float32]:
        return np.zeros(1, np.float32)

    def search(self, vector: Any, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return self.videos[:k], np.zeros(len(self.videos[:k]), np.float32)

    def similar(self, videos: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return videos, np.arange(len(videos))

    def score(self, user: Any, candidates: Any, context: Any, beside: Any = None) -> dict[str, NDArray[np.float32]]:
        raw = self.uncalibrated(SimpleNamespace(video=candidates["video"]))
        return self.adjustment(raw, candidates["video"])

    def value(self, heads: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        return heads["watched"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A site with a day of history, on which few watches are enough for a refit."""
    var = tmp_path_factory.mktemp("refit") / "var"
    settings = simulation_settings(var, 3, viewers=400, videos=300, history_days=1.0, days=2)
    few = settings.ranking.model_copy(update={"refit_positives": 20, "refit_check_positives": 1})
    settings = settings.model_copy(update={"ranking": few})
    make_start(settings, is_trained=False)
    return settings


def loop_of(site: Settings, release: Release, page: Any, log: Path, patch: pytest.MonkeyPatch) -> Loop:
    """A loop that publishes once, after half of its one day."""
    patch.setattr(module, "load_bundle", lambda *_: release)
    return Loop(site, Policy("watched", 0.0, True, page), release.release, Plan(1, 72, 288), log)


def test_what_is_watched_more_than_promised_is_promised_more_on_the_next_pages(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores: dict[bool, list[float]] = {False: [], True: []}
    refitted_at = windows.shift(FIRST, 72)

    def page(draft: Draft) -> Draft:
        run(draft)
        assert not draft.degraded
        scores[windows.window_of(draft.time) >= refitted_at].append(float(draft.score.mean()))
        return draft

    # It has learned all of the history, so that nothing is there to refit to before the publication.
    loop_of(site, Release("r1", windows.shift(FIRST, -1)), page, tmp_path / "log", monkeypatch).run(lambda _: None)
    assert scores[False] == pytest.approx([PROMISED] * len(scores[False]))
    assert min(scores[True]) > 3 * PROMISED


def test_a_release_that_begins_to_answer_is_refitted_to_what_it_has_not_learned(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release("r2", windows.shift(FIRST, -40))
    loop_of(site, release, run, tmp_path / "log", monkeypatch)
    promised = release.score(None, {"video": release.videos}, None)["watched"]
    assert float(promised.mean()) > 3 * PROMISED


def test_too_few_watches_for_a_refit_are_counted_before_features_are_joined(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("models.ranking.recalibration.refit", lambda settings, bundle, window: asked.append(window))

    def is_asked(needed: int) -> bool:
        knobs = site.ranking.model_copy(update={"refit_check_positives": needed})
        few, before = site.model_copy(update={"ranking": knobs}), len(asked)
        loop_of(few, Release("r3", windows.shift(FIRST, -40)), run, tmp_path / "log", monkeypatch)
        return len(asked) > before

    assert is_asked(1)
    newest = open_lake(site.lake_path).read("exposures").filter(pc.field("window") == asked[0])
    most = max(sum(float(label or 0) > 0 for label in newest.column(target).to_pylist()) for target in TARGETS)
    assert 0 < int(pc.sum(newest.column("watched")).as_py()) <= most
    assert (is_asked(most), is_asked(most + 1)) == (True, False)
