"""Arms of viewers, their difference at every look, and its intervals."""

import numpy as np
import pytest

from monitoring.comparison import Estimate, Moments, at_any_time, at_planned_looks, difference, moments_of


def arm(y: list[float], d: list[float] | None = None, x: list[float] | None = None) -> Moments:
    """One row per viewer, all seen by one look."""
    columns = [None if column is None else np.array(column, float) for column in (d, x)]
    return moments_of(np.arange(len(y)), np.zeros(len(y), int), 1, np.array(y, float), *columns)


def test_no_viewers_is_no_evidence() -> None:
    gap = at_any_time(difference(arm([]), arm([1, 0])), alpha=0.05, expected=0.01)
    assert np.isnan(gap.estimate)
    assert (gap.low, gap.high, gap.num_viewers) == (-np.inf, np.inf, 0)


def test_sums_at_every_look_are_those_of_all_a_viewer_did_until_then() -> None:
    """Viewer 7 has rows at looks 0 and 2, viewer 3 one at look 1."""
    found = moments_of(
        np.array([7, 3, 7, 7]), np.array([2, 1, 0, 2]), 3, np.array([1.0, 5, 2, 1]), None, np.array([10.0, 20, 10, 10])
    )
    assert found.n.tolist() == [1, 2, 2]
    assert found.y.tolist() == [2, 7, 9]
    assert found.yy.tolist() == [4, 29, 16 + 25]
    assert found.xy.tolist() == [20, 120, 140]
    assert found.d.tolist() == [1, 2, 2]
    assert (found.x.tolist(), found.xx.tolist()) == ([10, 30, 30], [100, 500, 500])


def test_the_difference_by_hand() -> None:
    """Two viewers each, means 1 and 1/2: pooled mean 3/4, squared deviations 1/16 + 1/16 + 1/16 + 9/16, over 4."""
    found = difference(arm([1, 1]), arm([1, 0]))
    assert found.difference[-1] == 0.5
    assert found.variance[-1] == pytest.approx(12 / 16 / 4 * (1 / 2 + 1 / 2))
    assert found.information[-1] == pytest.approx(12 / 16 / 4 * 1)


def test_a_ratio_has_the_viewer_as_its_unit() -> None:
    """Ten pages of one viewer, all failed, are one observation."""
    once, often = (
        difference(arm([1, 0], [1, 1]), arm([0, 0], [1, 1])),
        difference(arm([10, 0], [10, 10]), arm([0, 0], [10, 10])),
    )
    assert once.variance[-1] == pytest.approx(often.variance[-1])
    assert once.difference[-1] == often.difference[-1] == 0.5


def test_a_covariate_that_explains_all_leaves_no_variance_and_the_true_difference() -> None:
    """Everyone watches twice what it did before, candidates one second more; the candidate's viewers watched more."""
    before, control = [1.0, 5.0, 3.0, 7.0], [1.0, 3.0, 2.0, 2.0]
    found = difference(arm([2 * x + 1 for x in before], x=before), arm([2 * x for x in control], x=control))
    plain = difference(arm([2 * x + 1 for x in before]), arm([2 * x for x in control]))
    assert plain.difference[-1] == 5
    assert abs(found.difference[-1] - 1) < abs(plain.difference[-1] - 1)
    assert found.kept[-1] < 0.1


def test_an_arm_in_which_nothing_happened_is_not_certain_of_it() -> None:
    found = difference(arm([0] * 8), arm([1, 0, 1, 0, 1, 0, 0, 0] * 9))
    gap = at_any_time(found, alpha=0.0125, expected=0.04)
    assert gap.low < -0.375 < gap.high
    assert gap.high > 0


def test_the_plan_ends_with_the_plain_interval() -> None:
    random = np.random.default_rng(0)
    found = difference(arm(list(random.normal(1, 1, 500))), arm(list(random.normal(1, 1, 500))))
    gap = at_planned_looks(found, 0.025, np.array([1.0]))
    assert gap.high - gap.estimate == pytest.approx(1.96 * np.sqrt(found.variance[-1]), rel=1e-3)


def found_worse(harm: float, runs: int, seed: int, looks: int = 6, per_look: int = 300) -> tuple[int, int]:
    """How many of `runs` candidates that are worse by `harm` are found worse at any look, with and without a plan."""
    random = np.random.default_rng(seed)
    taste = random.gamma(2, 0.6, (2, runs, looks * per_look))
    watches = random.poisson(taste * np.array([1 - harm, 1.0])[:, None, None]).astype(float)
    look, users, planned, anytime = np.repeat(np.arange(looks), per_look), np.arange(looks * per_look), 0, 0
    for run in range(runs):
        found = difference(*(moments_of(users, look, looks, watches[side, run]) for side in (0, 1)))
        ends = [Estimate(**{name: column[: end + 1] for name, column in vars(found).items()}) for end in range(looks)]
        spending = np.arange(1, looks + 1) / looks
        planned += any(at_planned_looks(f, 0.05, spending[: len(f.variance)]).high < 0 for f in ends)
        anytime += any(at_any_time(f, 0.05, 0.1 * 1.2).high < 0 for f in ends)
    return planned, anytime


def test_an_equal_release_survives_every_look_and_a_worse_one_does_not() -> None:
    """The budget is 5 in 100 over all looks: more than 7 of 50 would happen once in 300 times."""
    planned, anytime = found_worse(0.0, 50, seed=0)
    assert planned <= 7
    assert anytime <= 5
    planned, anytime = found_worse(0.2, 20, seed=1)
    assert planned >= 18
    assert anytime >= 14
