"""An hour's training of the ranker on the small site: it goes on from the one before and forgets nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_site

from homefeed import windows
from homefeed.settings import Settings
from models.checkpoint import FILE
from models.ranking.examples import Examples
from models.ranking.learning import learn
from models.ranking.statistics import load_statistics, statistics_of
from models.ranking.train import train_ranking
from models.ranking.trainer import Trainer
from models.start import IS_REFUSED, training_before
from models.training import FILE as RECORD
from models.training import Training

pytestmark = pytest.mark.slow
EARLIER = windows.shift(small_site.LAST, -6)


@pytest.fixture(scope="module")
def own(site: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The small site's lake with a folder of models of its own; one window of validation, so that much is learned."""
    folder = tmp_path_factory.mktemp("hours")
    for part in site.var.iterdir():
        if part.name != "models":
            (folder / part.name).symlink_to(part)
    knobs = site.ranking.model_copy(update={"max_older_ne_ratio": 2.0})
    return site.model_copy(update={"var": folder, "ranking": knobs})


@pytest.fixture(scope="module")
def first(own: Settings) -> Training:
    return train_ranking(own, EARLIER)


@pytest.fixture(scope="module")
def second(own: Settings, first: Training) -> Training:
    return train_ranking(own, small_site.LAST)


def exposures(settings: Settings, first: str, last: str) -> Examples:
    from feature_repo.catalogue import catalogue
    from feature_repo.training_set import ranking_examples
    from models.ranking.examples import examples_of
    from models.video_table import video_table

    rows = ranking_examples(settings, first, last)
    table = video_table(catalogue(settings, windows.end(small_site.LAST)))
    return examples_of(rows, table, settings.features.history_length, settings.ranking.history_length)


def test_its_record_says_where_it_began(first: Training, second: Training) -> None:
    assert (first.started_from, first.full_window) == ("", EARLIER)
    assert (second.started_from, second.full_window) == (first.id, EARLIER)
    assert second.windows == (first.windows[0], windows.shift(first.windows[1], 6))
    assert second.metrics["train_rows"] < 0.6 * first.metrics["train_rows"]


def test_no_hour_makes_validation_worse_and_the_hour_before_is_measured(first: Training, second: Training) -> None:
    assert first.metrics["older_ne_ratio"] is None
    assert 0.9 < second.metrics["older_ne_ratio"] < 1.1
    assert not second.metrics[IS_REFUSED]
    assert second.metrics["passes"] == 1
    assert second.metrics["epochs"] in (0, 1)
    assert second.metrics["gbt_ne"] is None
    html = (second.path / "report.html").read_text()
    assert "it learns only when the ranker starts anew" in html
    assert "It went on from the training before" in html


def test_it_starts_from_what_was_learned(own: Settings, first: Training) -> None:
    """The same weights, spread and moments: the entropy on validation is that of the training before."""
    held_out = windows.shift(EARLIER, 1 - own.ranking.holdout_windows)
    validation = exposures(own, windows.shift(held_out, -own.ranking.validation_windows), windows.shift(held_out, -1))
    trainer = Trainer(own, validation, first.path)
    assert trainer.entropy(validation) == pytest.approx(first.metrics["validation_ne"], abs=1e-5)
    with np.load(first.path / FILE) as saved:
        assert int(trainer._optimizer.iterations) == saved["steps"] > 0
        for place, weight in enumerate(trainer._weights):
            np.testing.assert_array_equal(trainer._optimizer.get_slot(weight, "m"), saved[f"m_{place}"])


def test_codes_and_spread_are_kept_and_frequent_new_videos_added(own: Settings, first: Training) -> None:
    rows = exposures(own, EARLIER, EARLIER)
    many = rows.take(np.arange(1200) % 3)
    strange = replace(many.inputs, video=many.inputs.video * 0 + 77, dense=many.inputs.dense + 1000)
    before = load_statistics(first.path)
    after = before.grown(strange)
    np.testing.assert_array_equal(after.videos, [*before.videos, 77])
    np.testing.assert_array_equal(after.most, before.most)
    trainer = Trainer(own, replace(many, inputs=strange), first.path)
    table = trainer._network.video.embeddings.numpy()
    assert trainer.num_new_videos == 1
    # Like a video that nobody knows, until it is learned.
    np.testing.assert_array_equal(table[-1], table[1])
    codes = trainer._preprocessing.videos(np.array([77, 78])).numpy()
    assert codes.tolist() == [len(before.videos) + 2, 1]


def test_what_makes_the_hour_before_worse_is_refused(own: Settings, first: Training) -> None:
    """Every label turned round: the hour teaches the opposite of what was learned."""
    rows = exposures(own, EARLIER, EARLIER)
    wrong = replace(rows, labels=rows.labels | {"watched": 1 - rows.labels["watched"]})
    trainer = Trainer(own, wrong, first.path)
    before, older = trainer.weights(), exposures(own, first.windows[1], first.windows[1])
    learned = learn(trainer, wrong, wrong, older, 1.01)
    assert learned.is_refused
    assert learned.older_ne_ratio > 1.01
    assert learned.kept == 0
    assert learned.validation_ne == learned.history[0]
    for old, new in zip(before, trainer.weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_after_a_refused_hour_it_starts_anew(own: Settings, second: Training) -> None:
    after = windows.shift(small_site.LAST, 6)
    start = training_before(own, "ranking", own.ranking, after)
    assert start is not None
    assert start.id == second.id
    file = second.path / RECORD
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"metrics": record["metrics"] | {IS_REFUSED: True}}))
    assert training_before(own, "ranking", own.ranking, after) is None
    file.write_text(json.dumps(record))


def test_statistics_come_back_from_their_file(own: Settings, tmp_path: Path) -> None:
    made = statistics_of(exposures(own, EARLIER, EARLIER).inputs, 42.0, 7)
    made.save(tmp_path)
    back = load_statistics(tmp_path)
    assert (back.mean_watch_s, back.num_watched) == (42.0, 7)
    for name, column in vars(made).items():
        np.testing.assert_array_equal(getattr(back, name), column)
