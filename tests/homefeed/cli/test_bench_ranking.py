"""What `homefeed bench ranking` measures on: a small site through the platform, and a log of six ratings."""

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

import models  # noqa: F401
from homefeed import windows
from homefeed.cli.bench import ranking, ranking_movielens, shown
from homefeed.cli.bench.rating_exposures import examples_of_ratings, split, sums_before
from homefeed.cli.bench.refitted_ranker import answered
from homefeed.cli.bench.world_exposures import SETTLED_WINDOWS, WorldExposures, true_watched, world_exposures
from homefeed.cli.bench.world_log import END
from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.importers.ratings import FILMS, USERS, Ratings
from homefeed.schema import TIME
from homefeed.settings import Settings, load
from homefeed.world.build import build_site
from models.evaluation import normalised_entropy
from models.names import NO_NAMES
from models.ranking.calibration import IDENTITY
from models.ranking.examples import HIDDEN_SLOT, Examples


@pytest.fixture(scope="module")
def made() -> WorldExposures:
    settings = load(seed=3)
    site = {"num_viewers": 400, "num_videos": 400, "history_days": 0.25, "live_days": 0.0, "visits_per_day": 8.0}
    return world_exposures(settings, settings.world.model_copy(update=site), holdout_windows=6, validation_windows=3)


@pytest.mark.slow
def test_the_parts_follow_each_other_and_end_before_labels_are_incomplete(made: WorldExposures) -> None:
    parts = (made.train, made.validation, made.holdout)
    for earlier, later in itertools.pairwise(parts):
        assert windows.shift(earlier.last, 1) == later.first
    assert windows.end(made.holdout.last) + SETTLED_WINDOWS * windows.WINDOW == END
    for part in parts:
        assert part.rows.column("window").to_pylist()[:: len(part.rows) - 1] == [part.first, part.last]
        np.testing.assert_array_equal(part.examples.users, part.rows.column("user").to_numpy())
        np.testing.assert_array_equal(part.examples.labels["watched"], part.rows.column("watched").to_numpy(False))
    assert set(made.train.examples.weight.tolist()) == {1.0, 10.0}
    assert set(made.holdout.examples.weight.tolist()) == {1.0}


@pytest.mark.slow
def test_the_truth_is_that_of_the_label(made: WorldExposures) -> None:
    """Watches as many as promised, and the truth of other exposures is no better than nothing."""
    truth = np.concatenate([true_watched(made.site, part.rows) for part in (made.validation, made.holdout)])
    watched = np.concatenate([part.examples.labels["watched"] for part in (made.validation, made.holdout)]) > 0
    deviation = np.sqrt((truth * (1 - truth)).sum())
    assert abs(truth.sum() - watched.sum()) < 4 * deviation
    assert normalised_entropy(watched, truth) < 0.9
    assert normalised_entropy(watched, np.roll(truth, 1000)) > 1


@pytest.mark.slow
def test_a_window_is_answered_by_what_was_known_before_it(made: WorldExposures) -> None:
    """What became of an exposure is known from the second window after its own on, and told then."""

    def predict(examples: Examples) -> np.ndarray:
        return np.full((len(examples), len(TARGETS)), 0.05, np.float32)

    ranker = SimpleNamespace(calibrators=dict.fromkeys(TARGETS, IDENTITY), trainer=SimpleNamespace(predict=predict))
    knobs = load().ranking.model_copy(update={"refit_positives": 1, "refit_check_positives": 1})
    settings = load().model_copy(update={"ranking": knobs})
    names = made.holdout.rows.column("window").to_numpy(zero_copy_only=False).astype(str)
    number = np.searchsorted(windows.span(made.holdout.first, made.holdout.last), names)

    def watched(of_site: WorldExposures) -> np.ndarray:
        return answered(settings, of_site, ranker)["watched"]  # type: ignore[arg-type]

    before = watched(made)
    assert before.shape == number.shape
    for changed in (0, 2):
        labels = made.holdout.examples.labels
        every = np.where(number == changed, np.float32(1), labels["watched"])
        examples = replace(made.holdout.examples, labels=labels | {"watched": every})
        after = watched(replace(made, holdout=replace(made.holdout, examples=examples)))
        moved = {int(window) for window in np.unique(number[after != before])}
        assert moved
        assert min(moved) == changed + 2


def test_the_entropy_of_a_constant_truth_is_one() -> None:
    """A site of bots: each watches 3 in 100, and 4 in 100 of these too late to count. 36 watches in 1,250 are that."""
    settings = load(seed=3)
    world = settings.world.model_copy(update={"num_viewers": 50, "num_videos": 100, "live_days": 0.0})
    site = build_site(world, 3, END)
    bots = np.ones(len(site.audience), bool)
    site = replace(site, audience=replace(site.audience, is_bot=bots))
    viewer, video = np.divmod(np.arange(5000), 100)
    allowed = np.flatnonzero(site.allowed(viewer, video))[:1250]
    rows = pa.table(
        {
            "user": site.viewer_keys[0][np.argsort(site.viewer_keys[1])][viewer[allowed]],
            "video": site.video_keys[0][np.argsort(site.video_keys[1])][video[allowed]],
            "slot": np.arange(1250, dtype=np.int16) % 100,
            "time": pa.array([END] * 1250, TIME),
            "device": ["phone"] * 1250,
        }
    )
    truth = true_watched(site, rows)
    assert truth == pytest.approx(np.full(1250, 0.0288))
    assert normalised_entropy(np.arange(1250) < 36, truth) == pytest.approx(1)


def test_heads_without_enough_positives_have_no_slice() -> None:
    from tests.models.ranking.test_exposure_slices import examples

    rows = examples()
    labels = dict.fromkeys((*ranking.HEADS, "watch_s"), np.array([0, 1, 1], np.float32))
    heads = dict.fromkeys(labels, np.array([0.5, 0.5, 0.5], np.float32))
    found = ranking.calibrations(replace(rows, labels=labels), heads, NO_NAMES)
    assert found["watched_calibration"] == found["watch_s_calibration"] == 0.75
    assert found["liked_slices"] == 0
    assert np.isnan(found["liked_slice_low"])
    assert found["liked_slice_worst"] == "none has enough"


def test_a_result_may_be_a_text() -> None:
    assert (shown("slot: slots 0 to 4"), shown(0.98765), shown(887215.0)) == (
        "slot: slots 0 to 4",
        "0.9877",
        "8.872e+05",
    )


def test_a_missing_log_is_said_and_not_measured(settings: Settings, tmp_path: Path) -> None:
    found = ranking_movielens.measured(settings.model_copy(update={"data": tmp_path}))
    assert list(found) == ["movielens_ratings"]
    assert str(found["movielens_ratings"]).startswith("skipped: there is no")


def test_sums_are_of_the_seconds_before() -> None:
    """Key 1 at second 100, twice at 200, and two days later; key 2 once. Amounts 1, 2, 4, 8 and 16."""
    keys, times = np.array([1, 1, 1, 1, 2]), np.array([100, 200, 200, 200 + 2 * 86_400, 300])
    found = sums_before(keys, times, np.array([[1.0], [2], [4], [8], [16]]))
    assert found["10m"].ravel().tolist() == [0, 1, 1, 0, 0]
    assert found["1h"].ravel().tolist() == [0, 1, 1, 7, 0]
    assert found["7d"].ravel().tolist() == [0, 1, 1, 7, 0]


def test_a_rating_knows_those_before_its_second(settings: Settings) -> None:
    """One viewer rates four films; the first is liked, the third and the fourth come in one second."""
    log = Ratings(
        pa.table(
            {
                "user": ["a", "b", "a", "a", "a", "b"],
                "film": ["1", "1", "2", "3", "4", "3"],
                "rating": [5.0, 1.0, 2.0, 4.0, 4.0, 3.0],
                "time": [1000, 1500, 2000, 3000, 3000, 9000],
            }
        ),
        pa.table(
            [["1", "2", "3", "4"], ["A (1994)", "B (1995)", "C (1985)", "D"], [["drama"]] * 3 + [["war"]]], schema=FILMS
        ),
        pa.table([["a", "b"], [30, None]], schema=USERS),
    )
    examples, times = examples_of_ratings(log, settings)
    assert times.tolist() == [1000, 1500, 2000, 3000, 3000, 9000]
    assert examples.labels["watched"].tolist() == [1, 0, 0, 1, 1, 0]
    assert examples.labels["dismissed"].tolist() == [0, 1, 1, 0, 0, 0]
    assert examples.inputs.age.tolist() == [30, -1, 30, 30, 30, -1]
    assert set(examples.inputs.slot.tolist()) == {HIDDEN_SLOT}
    dense = {name: examples.inputs.dense[:, DENSE_FEATURES.index(name)].tolist() for name in DENSE_FEATURES}
    assert dense["user_impressions_7d"] == [0, 0, 1, 2, 2, 1]
    assert dense["user_watches_7d"] == [0, 0, 1, 1, 1, 0]
    assert dense["video_impressions_10m"] == [0, 1, 0, 0, 0, 1]
    # Film 1 was the drama of the nineties that film 2 is, too; film 3 is of another decade, film 4 of another genre.
    assert dense["channel_watches_7d"] == [0, 1, 1, 0, 0, 1]
    assert dense["history_size"] == [0, 0, 1, 1, 1, 0]
    assert dense["user_topic_affinity"] == [0, 0, 1, 1, 0, 0]
    assert dense["user_channel_affinity"] == [0, 0, 1, 0, 0, 0]
    assert (examples.inputs.history_topics != 0).sum(axis=1).tolist() == [0, 0, 1, 1, 1, 0]


def test_the_split_keeps_a_second_together() -> None:
    from tests.models.ranking.test_exposure_slices import examples

    ten = examples().take(np.zeros(10, int))
    times = np.array([1, 2, 3, 4, 5, 6, 7, 8, 8, 10])
    assert [len(part) for part in split((ten, times))] == [7, 2, 1]
