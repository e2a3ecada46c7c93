"""The platform's training on a plain log whose order is a rule: after item n comes item n + 1."""

import time

import numpy as np
import pytest

from homefeed.settings.retrieval import RetrievalSettings
from models.evaluation.sequences import Histories, SequenceLog

pytestmark = pytest.mark.slow
NUM_ITEMS, NUM_USERS, LENGTH = 12, 60, 10
SETTINGS = RetrievalSettings(
    embedding_dim=16, history_length=8, dropout=0.0, side_features=False, max_epochs=40, patience=40, batch_size=64
)


@pytest.fixture(scope="module")
def log() -> SequenceLog:
    first = np.arange(NUM_USERS) % NUM_ITEMS
    items = (first[:, None] + np.arange(LENGTH)) % NUM_ITEMS
    users = np.repeat(np.arange(NUM_USERS), LENGTH)
    names = [np.arange(n).astype(str).astype(object) for n in (NUM_USERS, NUM_ITEMS)]
    return SequenceLog(users, items.ravel(), NUM_USERS, NUM_ITEMS, None, *names)


@pytest.fixture(
    params=[
        {"exact_softmax_below": 5_000},
        {"exact_softmax_below": 0, "num_negatives": 32},
        {"whole_runs": True, "seen_negatives": False, "compute_type": "bfloat16", "decay_epochs": 40},
    ],
    ids=["exact", "sampled", "plain log"],
)
def settings(request: pytest.FixtureRequest) -> RetrievalSettings:
    return SETTINGS.model_copy(update=request.param)


def test_the_rule_is_learned_by_either_loss(log: SequenceLog, settings: RetrievalSettings) -> None:
    from models.retrieval.sequence_recommender import TwoTowerRecommender

    histories = Histories(np.array([[-1, -1, 3], [5, 6, 7], [-1, 10, 11]]), np.arange(3))
    recommender = TwoTowerRecommender(settings)
    looks: list[float] = []

    def validate() -> float:
        looks.append(float((recommender.scores(histories).argmax(axis=1) == [4, 8, 0]).mean()))
        return looks[-1]

    recommender.fit(log, validate, seed=1, deadline=None)
    scores = recommender.scores(histories)
    assert scores.shape == (3, NUM_ITEMS)
    assert scores.argmax(axis=1).tolist() == [4, 8, 0]
    assert max(looks) == 1.0


def test_a_deadline_ends_training_with_what_there_is(log: SequenceLog) -> None:
    from models.retrieval.sequence_recommender import TwoTowerRecommender

    recommender = TwoTowerRecommender(SETTINGS)
    looks: list[float] = []
    recommender.fit(log, lambda: looks.append(0.0) or 0.0, seed=1, deadline=time.monotonic())
    assert looks == [0.0]
    assert np.isfinite(recommender.scores(Histories(np.array([[0]]), np.array([0])))).all()


def test_weights_that_decay_are_smaller(log: SequenceLog) -> None:
    """Vectors are shorter after the same passes; a decay of nothing changes nothing."""
    from models.retrieval.sequence_recommender import TwoTowerRecommender

    lengths = []
    for decay in (0.0, 5.0):
        recommender = TwoTowerRecommender(SETTINGS.model_copy(update={"max_epochs": 3, "weight_decay": decay}))
        recommender.fit(log, None, seed=1, deadline=None)
        lengths.append(float(np.linalg.norm(recommender._towers.vectors_before(0), axis=1).mean()))
    assert 0 < lengths[1] < 0.9 * lengths[0]
