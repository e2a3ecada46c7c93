"""Calibrators fitted again on the newest windows of the small site, through real files."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import small_site

from homefeed import windows
from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.settings import Settings
from models.ranking import recalibration
from models.ranking.adjustment import adjustment_files, newest_adjustment, read_adjustment
from models.ranking.calibration import IDENTITY, CalibrationError
from models.ranking.recalibration import refit, refit_each

pytestmark = pytest.mark.slow
WATCHED, LIKED = TARGETS.index("watched"), TARGETS.index("liked")


class Release:
    """A release that was trained on the first windows, and whose ranker promises `factor` times the watches there
    are: the share of the viewer's watches that went to the topic says how many."""

    shape = SimpleNamespace(history_length=100, ranker_history_length=20)

    def __init__(self, release: str, factor: float = 1.0, trained: int = 12) -> None:
        names = small_site.windows_of_site()
        self.release, self._factor = release, factor
        self.manifest = SimpleNamespace(windows=(names[0], names[trained]))
        self.calibrators = dict.fromkeys(TARGETS, IDENTITY)

    def uncalibrated(self, inputs: Any) -> Any:
        taste = inputs.dense[:, DENSE_FEATURES.index("user_topic_affinity")]
        raw = np.zeros((len(taste), len(TARGETS)), np.float32)
        raw[:, WATCHED] = self._factor * (0.05 + 0.08 * taste)
        raw[:, LIKED] = 0.0137
        return raw


def with_knobs(settings: Settings, **ranking: float) -> Settings:
    return settings.model_copy(update={"ranking": settings.ranking.model_copy(update=ranking)})


@pytest.fixture(scope="module")
def observed_over_honest(site: Settings) -> float:
    """Watches there are over those that factor 1 promises, so that the test promises exactly twice too much."""
    made = refit(with_knobs(site, refit_positives=1), Release("honest"), small_site.LAST)  # type: ignore[arg-type]
    ratio = made.heads["watched"].old_calibration
    assert ratio is not None
    return 1 / ratio


def test_twice_too_much_is_right_after_one_refit(site: Settings, observed_over_honest: float) -> None:
    release = Release("twice", factor=2 * observed_over_honest)
    done = refit(site, release, small_site.LAST)  # type: ignore[arg-type]
    head = done.heads["watched"]
    assert done.windows == (windows.shift(small_site.LAST, -36), windows.shift(small_site.LAST, -1))
    assert head.is_refitted
    assert head.old_calibration == pytest.approx(2, abs=1e-3)
    assert head.new_calibration == pytest.approx(1, abs=0.25)
    assert head.new_loss < head.old_loss  # type: ignore[operator]
    assert done.path == site.calibrations_path / "twice" / f"{small_site.LAST}.json"
    calibrators = read_adjustment(done.path, "twice").calibrators
    assert calibrators["watched"] != IDENTITY
    # Nothing was ever shared on this site, so that head stays as it is.
    assert calibrators["shared"] == IDENTITY
    assert done.heads["shared"].reason.startswith("0 of the 200 positives")
    written = done.path.read_bytes()
    assert refit(site, release, small_site.LAST).path.read_bytes() == written  # type: ignore[arg-type, union-attr]
    assert [file.name for file in done.path.parent.iterdir()] == [done.path.name]


def test_videos_that_are_watched_more_than_promised_are_corrected(site: Settings, observed_over_honest: float) -> None:
    done = refit(site, Release("videos", factor=observed_over_honest), small_site.LAST)  # type: ignore[arg-type]
    told = done.corrections
    assert told is not None
    assert done.path is not None
    assert told.is_refitted
    assert told.new_loss < told.none_loss == told.old_loss  # type: ignore[operator]
    corrections = read_adjustment(done.path, "videos").corrections
    assert len(corrections) == told.videos > 10


def test_the_next_window_starts_from_the_refit_before(site: Settings, observed_over_honest: float) -> None:
    release = Release("twice-again", factor=2 * observed_over_honest)
    first, second = windows.shift(small_site.LAST, -1), small_site.LAST
    assert refit(site, release, first).heads["watched"].old_calibration > 1.5  # type: ignore[arg-type, operator]
    assert refit(site, release, second).heads["watched"].old_calibration < 1.3  # type: ignore[arg-type, operator]


def test_too_few_positives_leave_it(site: Settings) -> None:
    few = refit(with_knobs(site, refit_positives=1_000_000), Release("few"), small_site.LAST)  # type: ignore[arg-type]
    assert few.path is None
    assert few.corrections is not None
    assert "positives it takes in the windows of the fit" in few.corrections.reason
    assert all("positives it takes in the windows of the fit" in head.reason for head in few.heads.values())
    unchecked = with_knobs(site, refit_positives=1, refit_check_positives=1_000_000)
    done = refit(unchecked, Release("few"), small_site.LAST)  # type: ignore[arg-type]
    assert done.path is None
    assert "positives it takes in the newest window" in done.heads["watched"].reason
    assert adjustment_files(site, "few") == []


def test_what_is_no_better_on_the_newest_window_is_not_taken(site: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.ranking import head_refit

    monkeypatch.setattr(head_refit, "calibrate", lambda *_, **__: IDENTITY)
    certain = with_knobs(site, correction_certainty=1e9, correction_viral_share=1e-300)
    done = refit(certain, Release("same"), small_site.LAST)  # type: ignore[arg-type]
    assert done.path is None
    assert done.heads["watched"].reason == "no better on the newest window than the one it has"


def test_a_release_that_has_seen_every_window_stays(site: Settings) -> None:
    names = small_site.windows_of_site()
    newer = refit(site, Release("newer", trained=50), small_site.LAST)  # type: ignore[arg-type]
    assert newer.windows == (names[51], windows.shift(small_site.LAST, -1))
    done = refit(site, Release("fresh", trained=58), small_site.LAST)  # type: ignore[arg-type]
    assert (done.windows, done.path) == (None, None)
    assert "trained on windows up to" in done.heads["watched"].reason


def test_releases_refitted_together_are_those_refitted_alone_and_read_exposures_once(
    site: Settings, observed_over_honest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first and the last the windows of the fit are the same; the second has seen every window, the third is
    of another length of history and newer."""
    factors = {"one": 2 * observed_over_honest, "seen": 2.0, "longer": observed_over_honest, "two": 1.0}
    releases = [Release(name, factor) for name, factor in factors.items()]
    names = small_site.windows_of_site()
    for release, trained in ((releases[1], 58), (releases[2], 40)):
        release.manifest.windows = (names[0], names[trained])
    releases[2].shape = SimpleNamespace(history_length=100, ranker_history_length=30)
    alone = [refit(site, release, small_site.LAST) for release in releases]  # type: ignore[arg-type]
    files = {made.path: made.path.read_bytes() for made in alone if made.path is not None}
    assert len(files) >= 2
    for path in files:
        path.unlink()
    asked, read = [], recalibration.read_spans

    def noted(settings: Settings, shape: Any, spans: Any, num: int) -> Any:
        asked.append((shape.ranker_history_length, list(spans)))
        return read(settings, shape, spans, num)

    monkeypatch.setattr(recalibration, "read_spans", noted)
    assert list(refit_each(site, releases, small_site.LAST)) == alone  # type: ignore[arg-type]
    assert {path: path.read_bytes() for path in files} == files
    newest, last = (small_site.LAST, small_site.LAST), windows.shift(small_site.LAST, -1)
    assert asked == [(20, [(windows.shift(last, -35), last), newest]), (30, [(names[41], last), newest])]


def test_a_broken_file_is_named_and_an_older_one_answers(site: Settings, observed_over_honest: float) -> None:
    release = Release("broken", factor=2 * observed_over_honest)
    done = refit(site, release, small_site.LAST)  # type: ignore[arg-type]
    assert done.path is not None
    newer = done.path.with_name(f"{windows.shift(small_site.LAST, 1)}.json")
    newer.write_text(json.dumps({"release": "broken"})[:-3])
    with pytest.raises(CalibrationError, match=f"{newer.name} cannot be used.*monitor_release"):
        read_adjustment(newer, "broken")
    older = newest_adjustment(site, "broken")
    assert older is not None
    assert older.calibrators == read_adjustment(done.path, "broken").calibrators
    assert newest_adjustment(site, "no-such") is None
