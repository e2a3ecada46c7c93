"""An hour's training on the small site: it goes on from the one before and keeps what that had learned."""

from pathlib import Path

import numpy as np
import pytest
import small_site

from feature_repo.catalogue import catalogue
from feature_repo.training_set import watch_sequences
from homefeed import windows
from homefeed.lake import open_lake
from homefeed.settings import Settings, load
from models.profiles import profiles_of
from models.retrieval.batches import Log
from models.retrieval.frequency import StreamingFrequency
from models.retrieval.train import fit
from models.retrieval.vocabularies import load_vocabularies
from models.retrieval.watches import WatchCounts, watches_of
from models.training import Training, TrainingError
from models.video_table import video_table

pytestmark = pytest.mark.slow
EARLIER = windows.shift(small_site.LAST, -6)


def train(
    site: Settings, folder: Path, window: str, start: Training | None = None, num_videos: int = 10**9
) -> Training:
    """`fit` on what the site knew at the end of a window."""
    table = video_table(catalogue(site, windows.end(window)).slice(0, num_videos))
    watches = watches_of(watch_sequences(site, window), table)
    profiles = profiles_of(open_lake(site.lake_path).read("users"))
    # Sampled, so that there are frequencies to carry on; short, as every viewer of this site is back within the hour.
    knobs = site.retrieval.model_copy(update={"exact_softmax_below": 0, "history_length": 3})
    settings = load(var=folder, retrieval=knobs, index=site.index)
    return fit(settings, window, Log(table, watches, profiles, WatchCounts(watches)), versions={}, start=start)


@pytest.fixture(scope="module")
def first(site: Settings, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A training that knew all but thirty of the videos."""
    return train(site, tmp_path_factory.mktemp("first"), EARLIER, num_videos=small_site.NUM_VIDEOS - 30)


@pytest.fixture(scope="module")
def second(site: Settings, first: Training, tmp_path_factory: pytest.TempPathFactory) -> Training:
    return train(site, tmp_path_factory.mktemp("second"), small_site.LAST, first)


def test_its_record_says_where_it_began(first: Training, second: Training) -> None:
    assert (first.started_from, first.full_window) == ("", EARLIER)
    assert (second.started_from, second.full_window) == (first.id, EARLIER)
    assert second.windows == (first.windows[0], windows.shift(first.windows[1], 6))


def test_it_reads_the_new_watches_and_a_replay_not_everything(first: Training, second: Training) -> None:
    assert 0 < second.metrics["train_watches"] < 0.9 * first.metrics["train_watches"]


def test_it_keeps_the_codes_and_knows_the_new_videos(first: Training, second: Training) -> None:
    before, after = load_vocabularies(first.path).videos, load_vocabularies(second.path).videos
    np.testing.assert_array_equal(after[: len(before)], before)
    assert len(before) < len(after) <= small_site.NUM_VIDEOS
    assert second.metrics["new_videos"] == len(after) - len(before)


def test_a_training_that_starts_anew_ends_with_its_newest_day(site: Settings, first: Training) -> None:
    passes, knobs = len(first.metrics["losses"]), site.retrieval
    assert passes == len(first.metrics["validations"])
    assert passes > knobs.max_epochs or first.metrics["epochs"] < knobs.max_epochs
    assert passes <= knobs.max_epochs + knobs.incremental_epochs


def test_the_stream_of_frequencies_goes_on(first: Training, second: Training) -> None:
    passed = [StreamingFrequency.load(training.path).num_watches for training in (first, second)]
    assert passed[0] >= first.metrics["train_watches"]
    assert passed[0] < passed[1] < passed[0] + 4 * second.metrics["train_watches"]


def test_it_is_no_worse_than_what_it_began_with(second: Training) -> None:
    looks = second.metrics["validations"]
    assert second.metrics["validation_recall_at_100"] == max(looks) >= looks[0]
    assert len(looks) == len(second.metrics["losses"]) + 1
    assert second.metrics["recall_at_100"] > second.metrics["popularity_recall_at_100"]


def test_the_same_hour_again_gives_the_same_model(
    site: Settings, first: Training, second: Training, tmp_path: Path
) -> None:
    again = train(site, tmp_path, small_site.LAST, first)
    assert again.id == second.id
    np.testing.assert_array_equal(np.load(again.path / "vectors.npy"), np.load(second.path / "vectors.npy"))


def test_a_history_without_watches_cannot_start(site: Settings, tmp_path: Path) -> None:
    table = video_table(catalogue(site, windows.end(EARLIER)))
    none = watches_of(watch_sequences(site, EARLIER).slice(0, 0), table)
    profiles = profiles_of(open_lake(site.lake_path).read("users").slice(0, 0))
    with pytest.raises(TrainingError, match="no watches to train on"):
        fit(load(var=tmp_path), EARLIER, Log(table, none, profiles, WatchCounts(none)), versions={})
