"""The transformer sees the past of its own viewer and nothing else; without side features ids alone decide."""

import importlib

import numpy as np
import pytest

from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.block import Block
from models.retrieval.content import Content, VideoPreprocessing
from models.retrieval.model import TwoTower, _seen
from models.retrieval.moment import NUM_DYNAMIC, is_new
from models.retrieval.towers import CandidateTower, QueryTower
from models.retrieval.vocabularies import Vocabularies

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")
SETTINGS = RetrievalSettings(embedding_dim=8, num_layers=2, history_length=6, dropout=0.0)
PLAIN = SETTINGS.model_copy(update={"side_features": False})
PROFILE = {name: tf.constant([1]) for name in ("country", "language", "age")}
NOON = tf.constant([[0.0, -1.0, 0.5]])


def states(tower: QueryTower, content: np.ndarray, segment: list[int]) -> np.ndarray:
    causal = np.tril(np.ones((6, 6), bool))
    visible = causal & (np.array(segment)[:, None] == np.array(segment)[None, :])
    nothing = tf.zeros([1, 6])
    place, seen = tf.range(6)[None], tf.constant(visible[None])
    return tower.states(tf.constant(content[None]), nothing, nothing, position=place, visible=seen).numpy()[0]


@pytest.fixture
def content() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)


def test_a_state_knows_its_past_and_not_its_future(content: np.ndarray) -> None:
    tower = QueryTower(SETTINGS, 3, 3)
    before = states(tower, content, [0] * 6)
    content[3] *= -1
    after = states(tower, content, [0] * 6)
    np.testing.assert_allclose(after[:3], before[:3], atol=1e-6)
    assert (np.abs(after[3:] - before[3:]).max(axis=1) > 1e-4).all()


def test_a_width_need_not_be_a_multiple_of_the_heads(content: np.ndarray) -> None:
    tower = QueryTower(SETTINGS.model_copy(update={"embedding_dim": 7, "num_heads": 3}), 3, 3)
    assert states(tower, content[:, :7], [0] * 6).shape == (6, 7)


def test_viewers_in_one_row_do_not_see_each_other(content: np.ndarray) -> None:
    tower = QueryTower(SETTINGS, 3, 3)
    before = states(tower, content, [0, 0, 0, 1, 1, 1])
    content[:3] *= -1
    after = states(tower, content, [0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(after[3:], before[3:], atol=1e-6)


def test_without_side_features_a_query_is_its_state_and_a_candidate_its_id() -> None:
    state, dynamic = tf.random.normal([1, 8]), tf.random.normal([1, NUM_DYNAMIC])
    other = {name: tf.constant([2]) for name in PROFILE}
    query = QueryTower(PLAIN, 3, 3)
    np.testing.assert_array_equal(query(state, tf.constant([True]), PROFILE, NOON)[:, :8], state)
    np.testing.assert_array_equal(query(state, tf.constant([True]), other, -NOON)[:, :8], state)
    np.testing.assert_array_equal(CandidateTower(PLAIN)(state, dynamic), tf.concat([state, [[0.0]]], axis=1))


def test_with_side_features_the_profile_and_the_moment_count() -> None:
    state = tf.random.normal([1, 8])
    query, candidate = QueryTower(SETTINGS, 3, 3), CandidateTower(SETTINGS)
    other = {name: tf.constant([2]) for name in PROFILE}
    known = tf.constant([True])
    assert np.abs(query(state, known, PROFILE, NOON) - query(state, known, other, NOON)).max() > 1e-4
    assert np.abs(query(state, known, PROFILE, NOON) - query(state, known, PROFILE, -NOON)).max() > 1e-4
    young, old = tf.zeros([1, NUM_DYNAMIC]), tf.ones([1, NUM_DYNAMIC])
    assert np.abs(candidate(state, young) - candidate(state, old)).max() > 1e-4


def test_the_exact_loss_is_the_softmax_over_the_catalogue_with_the_watched_video_as_it_was() -> None:
    """One query, three videos with logits 0, ln 2 and ln 4; the watched one had ln 3 instead of ln 2; the last is not
    uploaded yet."""
    model = TwoTower.__new__(TwoTower)
    model._compute_type = tf.float32
    inputs = {
        "negative_exists": tf.constant([True, True, False]),
        "place": tf.constant([0]),
        "ids": tf.constant([1, 0, 1, 2], tf.int64),
        "weight": tf.constant([2.0]),
    }
    others = tf.constant([[0.0], [np.log(2.0)], [np.log(4.0)]], tf.float32)
    watched = tf.constant([[np.log(3.0)]], tf.float32)
    loss = TwoTower._exact_loss(model, tf.constant([[1.0]]), watched, others, inputs)
    # Twice the surprise of 3 / (1 + 3).
    assert float(loss) == pytest.approx(2 * np.log(4 / 3), rel=1e-5)


def test_a_video_without_watches_has_no_id_and_one_with_watches_has() -> None:
    key = np.array([7])
    content = Content(VideoPreprocessing(Vocabularies(np.array([7, 8]), key, key, key, key, key)), SETTINGS)
    codes = {name: tf.constant([2, 3]) for name in ("video", "channel", "language")}
    codes["channel"] = codes["language"] = tf.constant([2, 2])
    codes |= {"topics": tf.constant([[2], [2]]), "title": tf.constant([[1], [1]]), "log_duration": tf.zeros([2])}
    counts = tf.constant([[1.0, 0, 0, 0], [1.0, 0, 0, 0.3]])
    assert is_new(counts).numpy().tolist() == [True, False]
    alike = content(codes, tf.constant([True, True])).numpy()
    np.testing.assert_array_equal(alike[0], alike[1])
    shown = content(codes, is_new(counts)).numpy()
    np.testing.assert_array_equal(shown[0], alike[0])
    assert np.abs(shown[1] - alike[1]).max() > 1e-4


def test_what_was_seen_is_what_the_same_viewer_watched_before() -> None:
    """A row of the viewers 0, 0, 0, 1 with the videos 2, 0, 1, 2."""
    segment = np.array([[0, 0, 0, 1]])
    visible = np.tril(np.ones((4, 4), bool))[None] & (segment[:, :, None] == segment[:, None, :])
    seen = _seen(tf.constant(visible), tf.constant([2, 0, 1, 2, 9], tf.int64), 3).numpy()
    assert [np.flatnonzero(row).tolist() for row in seen] == [[], [2], [0, 2], []]


def test_training_in_bfloat16_is_nearly_float32_and_serving_is_float32(content: np.ndarray) -> None:
    exact = Block(SETTINGS)
    narrow = Block(SETTINGS.model_copy(update={"compute_type": "bfloat16"}))
    x, visible = tf.constant(content[None]), tf.constant(np.tril(np.ones((1, 6, 6), bool)))
    distance = tf.zeros([6, 6], tf.int32)
    wanted = exact(x, distance, visible, training=True)
    narrow(x, distance, visible)
    narrow.set_weights(exact.get_weights())
    trained = narrow(x, distance, visible, training=True)
    assert trained.dtype == tf.float32
    assert 0 < np.abs(trained - wanted).max() < 0.02 * np.abs(wanted).max()
    np.testing.assert_array_equal(narrow(x, distance, visible), wanted)
