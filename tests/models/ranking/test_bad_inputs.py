"""What a ranker makes of features that are no numbers, keys it never saw, columns without variety and silent heads."""

from dataclasses import replace

import numpy as np
import pytest

from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.settings import load
from homefeed.settings.ranking import RankingSettings
from models.ranking.examples import AGGREGATES, HIDDEN_SLOT, Examples, Inputs, inputs_of
from models.ranking.trainer import Trainer

NUM = 600


def examples(*, spread: float = 1.0) -> Examples:
    """A log in which one in ten is watched and nothing else ever happens; `spread` 0 makes all features equal."""
    random = np.random.default_rng(2)
    dense = (spread * random.random((NUM, len(DENSE_FEATURES)))).astype(np.float32)
    key = np.full(NUM, 11, np.int64)
    inputs = Inputs(
        dense=dense, video=key, channel=key, topic=key, language=key, side_topics=np.zeros((NUM, 3), np.int64),
        slot=np.zeros(NUM, np.int32), device=key, country=key, user_language=key, age=np.full(NUM, 30, np.int32),
        history_topics=np.zeros((NUM, 4), np.int64), history_fractions=np.zeros((NUM, 4), np.float32),
    )  # fmt: skip
    labels = {target: np.zeros(NUM, np.float32) for target in TARGETS}
    labels["watched"] = (np.arange(NUM) % 10 == 0).astype(np.float32)
    labels["watch_s"] = 30 * labels["watched"]
    ones = np.ones(NUM, np.float32)
    zeros = np.zeros(NUM, np.int64)
    return Examples(inputs, labels, ones, users=np.arange(NUM), requests=zeros, sources=zeros, propensities=ones)


@pytest.fixture(scope="module")
def trained() -> tuple[Trainer, Examples]:
    train = examples()
    trainer = Trainer(load(ranking=RankingSettings(max_epochs=1, min_steps=5, min_training_steps=5)), train)
    trainer.train(train, train)
    return trainer, train


def test_heads_without_a_positive_are_learned_as_finite_small_probabilities(trained) -> None:
    trainer, train = trained
    heads = trainer.predict(train)
    assert np.isfinite(heads).all()
    assert (heads[:, TARGETS.index("shared")] < 0.5).all()


def test_keys_that_training_did_not_see_are_all_alike(trained) -> None:
    trainer, train = trained

    def answer(key: int) -> np.ndarray:
        keys = np.full(NUM, key, np.int64)
        names = ("video", "channel", "topic", "language", "device", "country", "user_language")
        return trainer.predict(replace(train, inputs=replace(train.inputs, **dict.fromkeys(names, keys))))

    assert np.isfinite(answer(4242)).all()
    np.testing.assert_array_equal(answer(4242), answer(777))


def test_an_age_that_cannot_be_is_answered(trained) -> None:
    trainer, train = trained
    for age in (-1, 0, 32_000):
        ages = np.full(NUM, age, np.int32)
        assert np.isfinite(trainer.predict(replace(train, inputs=replace(train.inputs, age=ages)))).all()


def test_features_far_outside_of_training_are_answered(trained) -> None:
    trainer, train = trained
    for value in (1e9, 1e12):
        far = replace(train.inputs, dense=np.full_like(train.inputs.dense, value))
        assert np.isfinite(trainer.predict(replace(train, inputs=far))).all()


def test_columns_that_are_all_equal_make_equal_finite_scores() -> None:
    train = examples(spread=0.0)
    trainer = Trainer(load(ranking=RankingSettings(max_epochs=1, min_steps=5, min_training_steps=5)), train)
    trainer.train(train, train)
    heads = trainer.predict(train)
    assert np.isfinite(heads).all()
    assert np.ptp(heads, axis=0).max() < 1e-6


def test_a_feature_that_is_no_number_counts_as_zero() -> None:
    viewer = {
        "time": np.array([10**15]), "language": np.array([1]), "country": np.array([1]), "device": np.array([1]),
        "age": np.array([-1], np.int32), "subscribed_channels": np.zeros((1, 1), np.int64),
        "subscribed_topics": np.zeros((1, 1), np.int64),
        **{f"history_{name}": np.zeros((1, 2), np.int64) for name in ("times", "topics", "channels", "languages")},
        "history_fractions": np.zeros((1, 2), np.float32),
    }  # fmt: skip
    one = np.array([1], np.int64)
    video = {
        "video": one, "channel": one, "topic": one, "language": one, "side_topics": np.zeros((1, 3), np.int64),
        "uploaded": one, "duration_s": np.array([np.nan], np.float32), "slot": np.array([HIDDEN_SLOT], np.int32),
    }  # fmt: skip
    aggregates = dict.fromkeys(AGGREGATES, np.array([2.0], np.float32)) | {"video_watches_1h": np.array([np.nan])}
    dense = inputs_of(viewer, video, aggregates, 2).dense[0]
    assert np.isfinite(dense).all()
    assert dense[DENSE_FEATURES.index("video_watches_1h")] == 0
    assert dense[DENSE_FEATURES.index("video_duration_s")] == 0
    assert dense[DENSE_FEATURES.index("video_watches_24h")] == 2
