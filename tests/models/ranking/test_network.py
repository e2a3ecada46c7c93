"""The slot in its three uses, and gates that are dropped, on numbers that can be checked by hand."""

from dataclasses import fields

import numpy as np
import pytest
import tensorflow as tf

from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.settings.ranking import RankingSettings
from models.ranking.examples import HIDDEN_SLOT, Inputs
from models.ranking.network import Ranker, kept_gates
from models.ranking.preprocessing import Preprocessing
from models.ranking.saved_ranker import SavedRanker, tensors
from models.ranking.statistics import statistics_of


def _inputs(slots: list[int]) -> Inputs:
    """The same candidate and viewer in each of the slots."""
    num = len(slots)
    key = np.ones(num, np.int64)
    return Inputs(
        dense=np.tile(np.linspace(0, 1, len(DENSE_FEATURES), dtype=np.float32), (num, 1)),
        **dict.fromkeys(("video", "channel", "topic", "language", "device", "country", "user_language"), key),
        side_topics=np.zeros((num, 3), np.int64),
        slot=np.array(slots, np.int32),
        age=np.full(num, 30, np.int32),
        history_topics=np.ones((num, 2), np.int64),
        history_fractions=np.ones((num, 2), np.float32),
    )


def _ranker(position: str) -> SavedRanker:
    """A ranker with weights drawn at random, those of its slots too."""
    tf.keras.utils.set_random_seed(1)
    inputs, settings = _inputs([0, 1]), RankingSettings(position=position)
    inputs.dense[1] += 1
    preprocessing = Preprocessing(statistics_of(inputs, 100.0, 1))
    network = Ranker(preprocessing, 100.0, settings)
    network(preprocessing(tensors(inputs.columns())))
    for weight in network.trainable_variables:
        weight.assign_add(tf.random.normal(weight.shape, stddev=0.1))
    return SavedRanker(network, preprocessing, settings.negative_rate, 100.0)


def _watched(ranker: SavedRanker, slots: list[int]) -> np.ndarray:  # type: ignore[type-arg]
    return ranker.score(tensors(_inputs(slots).columns())).numpy()[:, TARGETS.index("watched")]


def test_without_a_position_every_slot_is_the_same() -> None:
    assert len(set(_watched(_ranker("none"), [0, 7, HIDDEN_SLOT]))) == 1


def test_the_tower_has_an_answer_of_its_own_for_no_slot() -> None:
    assert len(set(_watched(_ranker("tower"), [0, 7, HIDDEN_SLOT]))) == 3


def test_the_tower_only_adds_to_the_log_odds() -> None:
    """Whatever the candidate: the slot's effect is one number, so that the order of a page does not depend on it."""
    ranker = _ranker("tower")
    first, other = _inputs([0, 7]), _inputs([0, 7])
    other.dense[:] = 1 - other.dense
    odds = [np.log(p / (1 - p)) for p in (ranker.score(tensors(i.columns())).numpy()[:, 0] for i in (first, other))]
    assert odds[0][0] != pytest.approx(odds[1][0], abs=1e-3)
    assert odds[0][1] - odds[0][0] == pytest.approx(odds[1][1] - odds[1][0], abs=1e-4)


def test_as_a_feature_no_slot_is_read_as_the_first() -> None:
    first, seventh, hidden = _watched(_ranker("feature"), [0, 7, HIDDEN_SLOT])
    assert hidden == first != seventh


def test_a_dropped_gate_leaves_its_share_to_the_others() -> None:
    """Of 0.5, 0.3 and 0.2 without the first: 0.6 and 0.4. Where none is kept, all are."""
    gates = tf.constant([[[0.5, 0.5], [0.3, 0.3], [0.2, 0.2]]])
    kept = tf.constant([[[False, False], [True, False], [True, False]]])
    found = kept_gates(gates, kept).numpy()[0]
    np.testing.assert_allclose(found[:, 0], [0.0, 0.6, 0.4], rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], [0.5, 0.3, 0.2], rtol=1e-5)


def test_the_network_reads_more_than_a_hundred_columns() -> None:
    """95 dense features and twelve columns of keys, lists and small numbers."""
    assert (len(DENSE_FEATURES), len(fields(Inputs)) - 1) == (95, 12)
