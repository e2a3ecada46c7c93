"""A new ranker's page value from logged pages: the policy of the slots, the estimate, and its refusals."""

import numpy as np
import pytest

from homefeed.settings.evaluation import EvaluationSettings
from homefeed.verdict import Verdict
from models.evaluation.policy import PolicyError, SlotPolicy, Slots, page_value
from models.evaluation.policy.errors import UnsupportedError
from serving.draft import Ranked
from serving.selector import slate

SETTINGS = EvaluationSettings()
OLD = SlotPolicy(np.array([0, 1, 2, 3]), np.array([4, 5, 6]), 0.4)
#: What its exploration showed, the new ranker puts first; the rest as before.
NEW = SlotPolicy(np.array([4, 0, 1, 2]), np.array([5, 6]), 0.3)
CHANCES = np.array([0.3, 0.2, 0.1, 0.05, 0.5, 0.15, 0.1])


def columns(shown: np.ndarray, rewards: np.ndarray, old: SlotPolicy = OLD, new: SlotPolicy = NEW) -> Slots:
    """Pages [p, s] by `old`, as columns for `new`."""
    distinct, which = np.unique(shown, axis=0, return_inverse=True)
    said = [
        np.array([f(page) for page in distinct])[which.ravel()].ravel()
        for f in (old.propensities, new.propensities, lambda page: new.unsupported(old, page))
    ]
    pages, slots = (axis.ravel() for axis in np.indices(shown.shape))
    return Slots(pages, slots, pages, rewards.ravel().astype(float), *said)


def draw(policy: SlotPolicy, num: int, num_slots: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`num` pages by a policy, and their rewards; a slot is worth half after one that was watched."""
    explored = rng.random((num, num_slots)) < policy.exploration
    before = np.cumsum(explored, 1) - explored
    explored &= before < len(policy.pool)
    before = np.cumsum(explored, 1) - explored
    pool = rng.permuted(np.tile(policy.pool, (num, 1)), axis=1)
    taken = np.minimum(before, len(policy.pool) - 1)
    ranked = policy.best[np.arange(num_slots)[None, :] - before]
    shown = np.where(explored, np.take_along_axis(pool, taken, 1), ranked)
    rewards = np.zeros((num, num_slots))
    for slot in range(num_slots):
        halved = 1 - 0.5 * rewards[:, slot - 1] if slot else 1.0
        rewards[:, slot] = rng.random(num) < CHANCES[shown[:, slot]] * halved
    return shown, rewards


def test_propensities_are_those_that_serving_logs() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        weight = np.array([1.0, 2.0, 0.1]) if seed % 2 else np.ones(3)
        page = slate(Ranked(np.zeros(7, np.float32), OLD.best, OLD.pool, weight), OLD.exploration, rng)
        policy = SlotPolicy(OLD.best, OLD.pool, OLD.exploration, weight)
        among = Ranked(np.zeros(7, np.float32), OLD.best, np.array([1, 3, 6]), weight)
        other = slate(among, OLD.exploration, rng)
        both = SlotPolicy(among.best, among.pool, OLD.exploration, weight)
        np.testing.assert_allclose(both.propensities(other.index), other.propensity, rtol=1e-6)
        np.testing.assert_allclose(policy.propensities(page.index), page.propensity, rtol=1e-6)


def test_support_of_a_weighted_pool_by_hand() -> None:
    # Of weights 3 and 1 the video of 1, which the old ranker never shows, is a quarter; once it alone is left, all.
    other = SlotPolicy(np.array([0, 1, 2]), np.array([4, 9]), 0.4, np.array([3.0, 1.0]))
    assert other.unsupported(OLD, np.array([0, 4, 1])).tolist() == pytest.approx([0.1, 0.1, 0.4])


def test_another_rankers_propensities_by_hand() -> None:
    # Its best is 4, explored from 5 and 6. Given 0 above, its best is still 4; given 4, it goes on with 0.
    assert NEW.propensities(np.array([4, 0, 5])).tolist() == pytest.approx([0.7, 0.7, 0.15])
    assert NEW.propensities(np.array([0, 4, 6])).tolist() == pytest.approx([0.0, 0.7, 0.15])
    # The pool is empty after 5 and 6: the best comes for sure.
    assert NEW.propensities(np.array([5, 6, 4])).tolist() == pytest.approx([0.15, 0.3, 1.0])


def test_support_by_hand() -> None:
    # 4 is in the old pool, and so are 5 and 6: everything is supported at the top.
    assert NEW.unsupported(OLD, np.array([4, 0, 5])).tolist() == pytest.approx([0, 0, 0])
    # An order of its own among the old best: slot 0 wants 1 where the old ranker shows 0.
    swapped = SlotPolicy(np.array([1, 0, 2]), OLD.pool, 0.4)
    assert swapped.unsupported(OLD, np.array([0, 1, 2])).tolist() == pytest.approx([0.6, 0, 0])
    # A pool of its own: video 9 can never come, 4 can.
    other = SlotPolicy(np.array([0, 1, 2]), np.array([4, 9]), 0.4)
    assert other.unsupported(OLD, np.array([0, 4, 1])).tolist() == pytest.approx([0.2, 0.2, 0.4])
    # Without exploration in the log only the same page is supported.
    certain = SlotPolicy(OLD.best, OLD.pool, 0.0)
    assert NEW.unsupported(certain, np.array([0])).tolist() == pytest.approx([1.0])
    assert certain.unsupported(OLD, np.array([0, 1])).tolist() == pytest.approx([0, 0])


def test_too_few_ranked_videos_are_refused() -> None:
    with pytest.raises(PolicyError, match="1 ranked videos for a page of 2"):
        SlotPolicy(np.array([3]), np.array([1]), 0.1).propensities(np.array([3, 1]))


def test_the_same_ranker_is_worth_what_it_got() -> None:
    shown, rewards = draw(OLD, 2000, 3, np.random.default_rng(1))
    value = page_value(columns(shown, rewards, OLD, OLD), SETTINGS)
    mean = rewards.sum(1).mean()
    assert [value.logged.value, value.estimates["ips"].value, value.estimates["snips"].value] == pytest.approx(
        [mean] * 3
    )
    assert value.difference.value == pytest.approx(0)
    assert (value.effective_pages, value.largest_weight, value.unsupported, value.num_pages) == (2000, 1, 0, 2000)


def test_two_pages_by_hand() -> None:
    # Weights of slot 0: 2 and 0.5; of slot 1: times 1 and 2, so 2 and 1.
    slots = Slots(
        np.array([8, 8, 9, 9]), np.array([1, 0, 0, 1]), np.array([1, 1, 2, 2]), np.array([0.0, 1, 0, 1]),
        np.array([0.5, 0.4, 0.8, 0.3]), np.array([0.5, 0.8, 0.4, 0.6]), np.zeros(4),
    )  # fmt: skip
    value = page_value(slots, SETTINGS)
    assert value.estimates["ips"].value == pytest.approx((2 * 1 + 1 * 1) / 2)
    assert value.estimates["snips"].value == pytest.approx(2 / 2.5 + 1 / 3)
    assert value.logged.value == 1
    assert value.effective_pages == pytest.approx(2.5**2 / 4.25)
    assert value.largest_weight == 2


@pytest.mark.slow
def test_intervals_cover_the_value_of_pages_that_nobody_has_seen() -> None:
    true = float(draw(NEW, 1_000_000, 3, np.random.default_rng(99))[1].sum(1).mean())
    covered, better = 0, 0
    for seed in range(200):
        shown, rewards = draw(OLD, 1500, 3, np.random.default_rng(seed))
        value = page_value(columns(shown, rewards), SETTINGS)
        covered += value.estimates["snips"].covers(true)
        better += value.difference.value > 0
    assert 0.90 <= covered / 200 <= 0.99
    assert better > 190


def test_a_new_order_of_the_same_best_is_refused_and_the_message_says_how_far_the_log_goes() -> None:
    shown, rewards = draw(OLD, 500, 3, np.random.default_rng(2))
    swapped = SlotPolicy(np.array([0, 2, 1, 3]), OLD.pool, 0.4)
    with pytest.raises(UnsupportedError, match="answers the first 1 of 3 slots"):
        page_value(columns(shown, rewards, OLD, swapped), SETTINGS)
    top = columns(shown[:, :1], rewards[:, :1], OLD, swapped)
    assert page_value(top, SETTINGS).unsupported == 0


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("propensities", 1, 0.0, "propensities, row 1: 0 is not a probability above 0"),
        ("propensities", 0, np.nan, "propensities, row 0: nan"),
        ("targets", 2, -0.5, "targets, row 2: -0.5 is not a probability from 0 to 1"),
        ("unsupported", 3, 1.1, "unsupported, row 3: 1.1"),
        ("slots", 1, 2, "page 0 has slot 2 out of place"),
    ],
)
def test_columns_that_cannot_be_are_named(column: str, row: int, value: float, message: str) -> None:
    slots = columns(np.array([[0, 1], [0, 4]]), np.ones((2, 2)))
    getattr(slots, column)[row] = value
    with pytest.raises(PolicyError, match=message):
        page_value(slots, SETTINGS)


def test_no_slots_are_refused() -> None:
    none = np.zeros(0, np.int64)
    with pytest.raises(PolicyError, match="no slots"):
        page_value(Slots(none, none, none, *(np.zeros(0) for _ in range(4))), SETTINGS)


def test_the_check_waits_for_evidence_and_then_decides() -> None:
    few = page_value(columns(*draw(OLD, 300, 2, np.random.default_rng(3))), SETTINGS).check(SETTINGS)
    assert (few.verdict, "pages; 1000 are needed" in few.detail) == (Verdict.WAIT, True)
    many = columns(*draw(OLD, 60_000, 2, np.random.default_rng(4)))
    assert page_value(many, SETTINGS).check(SETTINGS).verdict is Verdict.PASS
    # More of what nobody wants: 6 first, whose chance is a third of the best's.
    worse = SlotPolicy(np.array([6, 0, 1, 2]), np.array([4, 5]), 0.0)
    shown, rewards = draw(OLD, 60_000, 2, np.random.default_rng(5))
    failed = page_value(columns(shown, rewards, OLD, worse), SETTINGS).check(SETTINGS)
    assert failed.verdict is Verdict.FAIL
    assert failed.interval is not None
    assert failed.interval[1] < failed.bound < 0
