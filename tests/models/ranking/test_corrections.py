"""Corrections of videos by what viewers made of them, with numbers that are checked by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from homefeed.settings import Settings, load
from models.ranking.adjustment import Adjustment
from models.ranking.calibration import IDENTITY, CalibrationError
from models.ranking.correction_refit import refit_corrections
from models.ranking.corrections import (
    NONE,
    Corrections,
    Prior,
    corrections_from,
    corrections_of,
    record_of_corrections,
)

VIRAL, DULL, AS_PROMISED = 11, 22, 33
#: Nothing goes viral: (watched + 16) / (promised + 16) is the multiple.
USUAL = Prior(16.0, 1e-300)


def seen(video: int, impressions: int, watches: int, promised: float, weight: float = 1.0) -> Any:
    """Columns of one video's exposures: videos, watched, promised, weight."""
    watched = (np.arange(impressions) < watches).astype(np.float32)
    missed_weight = np.where(watched > 0, 1, weight).astype(np.float32)
    return np.full(impressions, video), watched, np.full(impressions, promised, np.float32), missed_weight


def joined(*parts: Any) -> Any:
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def corrections(*parts: Any) -> Corrections:
    return corrections_of(*joined(*parts), prior=USUAL)


def test_a_video_that_is_watched_more_than_promised_is_promised_more() -> None:
    # 20 promised, 56 watched: (56 + 16) / (20 + 16) = 2. 16 promised, none watched: 16 / 32 = a half.
    found = corrections(seen(VIRAL, 200, 56, 0.1), seen(DULL, 160, 0, 0.1), seen(AS_PROMISED, 100, 10, 0.1))
    assert found.videos.tolist() == [VIRAL, DULL]
    np.testing.assert_allclose(np.exp(found.of(np.array([DULL, 99, VIRAL, AS_PROMISED]))), [0.5, 1, 2, 1], rtol=1e-6)


def test_little_that_was_seen_says_little() -> None:
    # One watch of one impression, of 0.02 promised: 17 / 16.02.
    found = corrections(seen(VIRAL, 1, 1, 0.02))
    np.testing.assert_allclose(np.exp(found.odds), [17 / 16.02], rtol=1e-6)
    # Ten impressions without a watch, of 0.2 promised: 16 / 16.2 is not worth a line.
    assert len(corrections(seen(DULL, 10, 0, 0.02))) == 0


def test_what_goes_viral_is_believed_and_what_may_be_luck_is_not() -> None:
    prior = Prior(100.0, 0.002)
    # 20 promised. 58 / 21 where nothing but going viral explains 56; 126 / 120 where 26 may be luck.
    assert prior.mean(np.array([56.0]), np.array([20.0]))[0] == pytest.approx(58 / 21, rel=1e-3)
    assert prior.mean(np.array([26.0]), np.array([20.0]))[0] == pytest.approx(126 / 120, rel=2e-3)
    # A video that nobody was shown: the prior's own mean, 0.998 times 1 and 0.002 times 2.
    assert prior.mean(np.zeros(1), np.zeros(1))[0] == pytest.approx(1.002)
    # Where both explain what was seen, something between 142 / 120 and 44 / 21.
    both = prior.mean(np.array([42.0]), np.array([20.0]))[0]
    assert 1.3 < both < 1.9


def test_a_sampled_exposure_counts_for_those_it_stands_for() -> None:
    every, sampled = seen(VIRAL, 200, 0, 0.1), seen(VIRAL, 20, 0, 0.1, weight=10.0)
    assert corrections(every).odds == pytest.approx(corrections(sampled).odds)


def test_what_is_not_a_number_and_nothing_at_all() -> None:
    videos, watched, promised, weight = seen(VIRAL, 200, 56, 0.1)
    promised = np.append(promised, np.float32(np.nan))
    found = corrections_of(np.append(videos, VIRAL), np.append(watched, 1), promised, np.append(weight, 1), USUAL)
    np.testing.assert_allclose(np.exp(found.odds), [2], rtol=1e-6)
    none = corrections_of(videos[:0], watched[:0], promised[:0], weight[:0], USUAL)
    assert len(none) == 0
    heads = {"watched": np.array([0.3], np.float32)}
    assert none(heads, np.array([VIRAL]))["watched"] == heads["watched"]


def test_every_head_follows_the_watched_one_and_no_other_video_moves() -> None:
    twice = Corrections(np.array([VIRAL]), np.log([2.0]).astype(np.float32))
    heads = {
        "watched": np.array([0.2, 0.2], np.float32),
        "watch_s": np.array([30, 30], np.float32),
        "liked": np.array([0.9, 0.9], np.float32),
        "dismissed": np.array([0.01, 0.01], np.float32),
    }
    corrected = twice(heads, np.array([VIRAL, DULL]))
    # Odds of 1 to 4 become 1 to 2, so a watch is 1 / 3 instead of 1 / 5: five thirds as likely.
    assert corrected["watched"][0] == pytest.approx(1 / 3)
    assert corrected["watch_s"][0] == pytest.approx(50)
    assert corrected["dismissed"][0] == pytest.approx(0.01 * 5 / 3)
    assert corrected["liked"][0] == 1
    assert all(corrected[target][1] == head[1] for target, head in heads.items())


def test_an_adjustment_calibrates_first() -> None:
    raw = np.zeros((2, 7), np.float32)
    raw[:, 0] = 0.4
    halved = dict.fromkeys(("watch_s", "completion", "liked", "subscribed", "shared", "dismissed"), IDENTITY)
    halved["watched"] = type(IDENTITY)("scale", (), (0.5,))
    twice = Corrections(np.array([VIRAL]), np.log([2.0]).astype(np.float32))
    assert Adjustment(halved, twice)(raw, np.array([VIRAL, DULL]))["watched"] == pytest.approx([1 / 3, 0.2])


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"videos": [1, 2], "odds": [0.1]},
        {"videos": [2, 1], "odds": [0.1, 0.2]},
        {"videos": [1], "odds": [float("nan")]},
        {"videos": [2**70], "odds": [0.1]},
        {"videos": ["a"], "odds": [0.1]},
    ],
)
def test_a_broken_record_is_refused(record: Any) -> None:
    with pytest.raises(CalibrationError, match="corrections of videos"):
        corrections_from(record)


def test_a_record_comes_back() -> None:
    found = corrections(seen(VIRAL, 200, 56, 0.1), seen(DULL, 160, 0, 0.1))
    again = corrections_from(record_of_corrections(found))
    assert again.videos.tolist() == found.videos.tolist()
    np.testing.assert_allclose(again.odds, found.odds, atol=5e-5)
    assert corrections_from(None) is NONE


def knobs(refit_positives: int = 50) -> Settings:
    settings = load()
    return settings.model_copy(
        update={"ranking": settings.ranking.model_copy(update={"refit_positives": refit_positives})}
    )


def window(*parts: Any) -> Any:
    """Promised watches and exposures of a window."""
    videos, watched, promised, weight = joined(*parts)
    examples = SimpleNamespace(inputs=SimpleNamespace(video=videos), labels={"watched": watched}, weight=weight)
    return promised, examples


def test_what_the_newest_window_bears_out_is_taken() -> None:
    fit = window(seen(VIRAL, 200, 56, 0.1), seen(AS_PROMISED, 100, 10, 0.1))
    taken, told = refit_corrections(knobs(), NONE, fit, window(seen(VIRAL, 120, 26, 0.1)))
    assert (told.is_refitted, told.videos, taken.videos.tolist()) == (True, 1, [VIRAL])
    assert told.new_loss < told.old_loss == told.none_loss  # type: ignore[operator]
    # Odds of 58 / 21 times 1 / 9, so 0.235 is promised of each of the 120; 26 were watched.
    assert told.calibration == pytest.approx(120 * (58 / 21 / (9 + 58 / 21)) / 26, rel=1e-3)


def test_what_is_over_is_dropped() -> None:
    twice = Corrections(np.array([VIRAL]), np.log([2.0]).astype(np.float32))
    over = window(seen(VIRAL, 300, 56, 0.1))
    taken, told = refit_corrections(knobs(), twice, over, window(seen(VIRAL, 300, 24, 0.1)))
    assert (taken, told.reason) == (NONE, "better on the newest window without")
    assert told.is_refitted


def test_what_is_no_better_stays_and_too_few_positives_say_nothing() -> None:
    settings = knobs(refit_positives=0)
    twice = Corrections(np.array([VIRAL]), np.log([2.0]).astype(np.float32))
    fit = window(seen(VIRAL, 400, 0, 0.1))
    taken, told = refit_corrections(settings, twice, fit, window(seen(VIRAL, 120, 26, 0.1)))
    assert taken is twice
    assert told.reason == "no better on the newest window than those it has"
    taken, told = refit_corrections(settings, twice, fit, window(seen(VIRAL, 120, 19, 0.1)))
    assert taken is twice
    assert told.reason == "19 of the 20 positives it takes in the newest window"
    taken, told = refit_corrections(knobs(refit_positives=1), twice, fit, window(seen(VIRAL, 120, 26, 0.1)))
    assert (taken, told.reason) == (twice, "0 of the 1 positives it takes in the windows of the fit")
