"""What `homefeed bench retrieval` and `train-retrieval` measure on: a site of a few hundred videos."""

import numpy as np
import pytest

import models  # noqa: F401
from homefeed.cli.bench import retrieval, train_retrieval
from homefeed.cli.bench.world_log import WorldLog, world_log
from homefeed.settings import load
from models.retrieval.recall import popularity, ranks


@pytest.fixture(scope="module")
def made() -> WorldLog:
    settings = load(seed=3)
    site = {"num_viewers": 1500, "num_videos": 600, "history_days": 1.0, "live_days": 0.0, "uploads_per_day": 0.3}
    return world_log(settings, settings.world.model_copy(update=site))


def test_rows_of_the_log_are_found_in_the_site(made: WorldLog) -> None:
    """A watch is of a video that its viewer may see, after its upload, and inside the history."""
    watches, table = made.log.watches, made.log.table
    video = made.video[watches.videos]
    assert len(watches) > 200
    np.testing.assert_array_equal(made.site.videos.uploaded_us[made.video], table.uploaded)
    assert made.site.allowed(made.viewer, video).all()
    assert (watches.times >= table.uploaded[watches.videos]).all()
    assert watches.times.max() < made.end_us
    assert len(np.unique(np.column_stack([made.viewer, watches.users]), axis=0)) == len(np.unique(watches.users))


def test_a_cold_watch_is_of_a_young_video_that_nobody_watched_in_an_earlier_window(made: WorldLog) -> None:
    watches, table = made.log.watches, made.log.table
    cold, warm = retrieval.split(made, made.end_us - 12 * 3_600_000_000, 50, seed=1)
    assert len(cold)
    assert len(warm) == 50
    assert not set(cold) & set(warm)
    for place in cold:
        age = watches.times[place] - table.uploaded[watches.videos[place]]
        earlier = watches.times[watches.videos == watches.videos[place]] // 600_000_000
        assert age < 3_600_000_000
        assert earlier.min() >= watches.times[place] // 600_000_000


def test_the_truth_ranks_better_than_popularity(made: WorldLog) -> None:
    some = np.arange(0, len(made.log.watches), len(made.log.watches) // 100)
    popular = ranks(made.log, made.log.watches.take(some), popularity(made.log, 144))
    assert retrieval.true_ranks(made, some).mean() < popular.mean()


def test_every_result_of_training_speed_is_the_best_of_the_rounds() -> None:
    speeds = iter([0.0, 0.0, 3.0, 9.0, 5.0, 1.0, 4.0, 2.0])
    done: list[int] = []
    best = train_retrieval.rounds({"a": lambda _: next(speeds), "b": lambda _: next(speeds)}, lambda: done.append(1))
    assert best == {"a": 5.0, "b": 9.0}
    assert len(done) == 3
