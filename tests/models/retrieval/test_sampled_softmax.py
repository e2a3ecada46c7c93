"""The sampled softmax: by hand on two queries, and against the task of TensorFlow Recommenders."""

import numpy as np
import pytest
import tensorflow as tf

import models  # noqa: F401
from models.retrieval.sampled_softmax import sampled_softmax


def loss(logits: list[float], *, add: list[float], ids: list[int], users: list[int], weight: list[float]) -> float:
    """Every query is (1,): the logits of the columns are the columns."""
    columns = tf.constant(logits, tf.float32)[:, None]
    queries, place = tf.ones([len(users), 1]), tf.range(len(users))
    what = (tf.constant(add, tf.float32), tf.constant(ids), tf.constant(users), tf.constant(weight))
    return float(sampled_softmax(queries, place, columns, *what))


def test_a_single_column_is_certain() -> None:
    assert loss([5.0], add=[0.0], ids=[3], users=[1], weight=[1.0]) == pytest.approx(0.0, abs=1e-6)


def test_two_columns_of_logits_ln_3_and_0_and_their_weights() -> None:
    """Query 0 has probability 3 / 4, query 1 has 1 / 4."""
    found = loss([np.log(3.0), 0.0], add=[0.0, 0.0], ids=[3, 4], users=[1, 2], weight=[1.0, 2.0])
    assert found == pytest.approx(np.log(4 / 3) + 2 * np.log(4.0), rel=1e-5)


def test_what_is_added_to_a_column_corrects_it_for_every_query() -> None:
    """A column that is drawn three times as often is as likely as the other once ln 3 is taken off."""
    found = loss([np.log(3.0), 0.0], add=[-np.log(3.0), 0.0], ids=[3, 4], users=[1, 2], weight=[1.0, 1.0])
    assert found == pytest.approx(2 * np.log(2.0), rel=1e-5)


def test_accidental_hits_and_the_viewers_other_watches_are_no_negatives() -> None:
    """Column 2 is the video of query 0; columns 0 and 1 are of one viewer: what is left beside each watch is column 2
    for query 1 only."""
    found = loss([0.0, 0.0, 0.0], add=[0.0] * 3, ids=[3, 4, 3], users=[7, 7], weight=[1.0, 1.0])
    assert found == pytest.approx(np.log(2.0), rel=1e-5)


def test_a_watch_of_very_small_probability_has_a_finite_loss() -> None:
    assert loss([-300.0, 0.0], add=[0.0, 0.0], ids=[3, 4], users=[1, 2], weight=[1.0, 0.0]) == pytest.approx(300.0)


def test_loss_and_gradients_are_those_of_the_retrieval_task() -> None:
    import tensorflow_recommenders as tfrs

    random = np.random.default_rng(5)
    queries = np.concatenate([random.normal(size=(6, 3)), np.ones((6, 1))], axis=1).astype(np.float32)
    columns = random.normal(size=(10, 4)).astype(np.float32)
    probability = random.uniform(0.01, 0.5, 10).astype(np.float32)
    ids, users = random.integers(0, 5, 10), np.array([4, 4, 5, 6, 6, 7])
    weight = np.array([1.0, 0.0, 0.5, 1.0, 2.0, 1.0], np.float32)
    other = (users[:, None] != users[None, :]) | np.eye(6, dtype=bool)
    mask = np.concatenate([other, np.ones((6, 4), bool)], axis=1)
    task = tfrs.tasks.Retrieval(remove_accidental_hits=True)
    given = [tf.constant(queries), tf.constant(columns)]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(given)
        add, id_, user = -tf.math.log(probability), tf.constant(ids), tf.constant(users)
        ours = sampled_softmax(given[0], tf.range(6), given[1], add, id_, user, weight)
        # The same watches by twos and fours, each among all columns.
        parts = [
            sampled_softmax(tf.gather(given[0], at), tf.constant(at), given[1], add, id_, user, weight[at])
            for at in ([5, 1], [0, 2, 3, 4])
        ]
        halves = tf.add_n(parts)
        theirs = task(
            *given,
            sample_weight=weight,
            candidate_sampling_probability=probability,
            candidate_ids=tf.constant(ids),
            compute_metrics=False,
            score_mask=mask,
        )
    # The constant component of a query is nobody's weight, so its gradient is nobody's either.
    kept = (slice(0, 3), slice(0, 4))
    for loss_of in (ours, halves):
        assert float(loss_of) == pytest.approx(float(theirs), rel=1e-5)
        pairs = zip(tape.gradient(loss_of, given), tape.gradient(theirs, given), kept, strict=True)
        for own, wanted, place in pairs:
            np.testing.assert_allclose(tf.convert_to_tensor(own)[:, place], wanted[:, place], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("num", [0, 1, 256, 601])
def test_any_number_of_queries_is_the_sum_over_them(num: int) -> None:
    """They are taken in blocks, the last of which may be shorter; against the formula in double precision."""
    random = np.random.default_rng(num)
    watches, sampled, width = 640, 50, 4
    queries, columns = random.normal(size=(num, width)), random.normal(size=(watches + sampled, width))
    queries[:, -1] = 1
    add = random.normal(size=watches + sampled)
    ids, users = random.integers(0, 300, watches + sampled), random.integers(0, 90, watches)
    place, weight = random.permutation(watches)[:num], random.uniform(size=num) * (random.random(num) < 0.9)
    viewer = np.append(users, np.full(sampled, -1))
    is_other = (ids[place][:, None] != ids[None, :]) & (users[place][:, None] != viewer[None, :])
    own = np.zeros((num, watches + sampled))
    own[np.arange(num), place] = 1
    logits = queries @ columns.T + add
    parts = np.where(is_other | (own > 0), np.exp(logits), 0)
    share = parts / parts.sum(1, keepdims=True)
    wanted = float((-np.log((share * own).sum(1)) * weight).sum())
    slope = (share - own) * weight[:, None]
    given = [tf.constant(one, tf.float32) for one in (queries, columns, add)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        of_step = tf.constant(ids), tf.constant(users), tf.constant(weight, tf.float32)
        found = sampled_softmax(given[0], tf.constant(place), *given[1:], *of_step)
    assert float(found) == pytest.approx(wanted, rel=1e-5)
    of_queries, of_columns, of_add = tape.gradient(found, given)
    np.testing.assert_allclose(of_queries[:, :-1], (slope @ columns)[:, :-1], atol=2e-5)
    np.testing.assert_allclose(of_columns, slope.T @ queries, atol=2e-5)
    np.testing.assert_allclose(of_add, slope.sum(0), atol=2e-5)
