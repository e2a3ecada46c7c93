"""What a ranker's choice would have been worth, from what was drawn at random."""

import numpy as np
import pytest

from models.evaluation.policy import PolicyError, Shown, UnsupportedError, choice_value


def rows(worth: list[float], propensities: list[float]) -> Shown:
    num = len(worth)
    return Shown(np.arange(num), np.array(worth), np.array(propensities), np.ones(num))


@pytest.mark.parametrize("propensities", [[], [0.0], [0.9, 1.0], [float("nan")]])
def test_where_nothing_was_drawn_the_log_cannot_speak(propensities: list[float]) -> None:
    num = len(propensities)
    with pytest.raises(UnsupportedError, match="HOMEFEED_SERVING__EXPLORATION"):
        choice_value(rows([0.0] * num, propensities), np.zeros(num), share=0.5)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(PolicyError, match="row 1"):
        choice_value(rows([1, 0], [0.1, 1.5]), np.zeros(2), share=0.5)


def test_what_was_certain_or_is_not_known_is_left_out() -> None:
    found = choice_value(rows([1, 0, 5, 5, 5], [0.2, 0.2, 0.9, 0.0, np.nan]), np.arange(5), share=1)
    assert (found.drawn.value, found.num_exposures) == (0.5, 2)


def test_one_exposure_has_a_value_and_no_interval() -> None:
    found = choice_value(rows([3.0], [0.1]), np.zeros(1), share=0.1)
    assert (found.chosen.value, found.share, found.num_exposures) == (3.0, 1.0, 1)
    assert np.isnan(found.chosen.low)


def test_by_hand() -> None:
    """Four draws alike; the better half by score earned 2 and 0, the rival's 0 and 1."""
    drawn = rows([2, 0, 0, 1], [0.25] * 4)
    found = choice_value(drawn, np.array([4, 3, 2, 1]), np.array([1, 2, 3, 4]), share=0.5)
    assert found.drawn.value == 0.75
    assert found.chosen.value == 1.0
    assert found.rival is not None
    assert found.rival.value == 0.5
    assert found.difference is not None
    assert found.difference.value == pytest.approx(0.5)
    assert (found.share, found.effective_exposures) == (0.5, 2.0)


def test_what_was_drawn_less_often_counts_more() -> None:
    """Weights 5 and 20: the mean of 1 and 0 is 0.2, and half of the draws are the second video alone."""
    found = choice_value(rows([1, 0], [0.2, 0.05]), np.array([0.1, 0.9]), share=0.5)
    assert found.drawn.value == pytest.approx(0.2)
    assert (found.chosen.value, found.share) == (0.0, pytest.approx(0.8))


def test_equal_scores_choose_everything() -> None:
    found = choice_value(rows([1, 0, 0, 0], [0.4] * 4), np.full(4, 0.3), share=0.1)
    assert (found.chosen.value, found.share) == (0.25, 1.0)


def test_a_ranker_against_itself_differs_by_nothing() -> None:
    random = np.random.default_rng(1)
    drawn = rows((random.random(50) < 0.3).astype(float).tolist(), random.uniform(0.1, 0.4, 50).tolist())
    scores = random.random(50)
    found = choice_value(drawn, scores, scores, share=0.3)
    assert found.difference is not None
    assert found.difference.value == 0.0


def test_the_interval_covers_what_the_choice_is_worth() -> None:
    """The score is the true chance, drawn with propensities that favour the worst: the best tenth earn 0.95."""
    covered = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        chance = random.random(8_000)
        propensity = 0.45 - 0.4 * chance
        shown = random.random(8_000) < propensity
        worth = (random.random(8_000) < chance).astype(float)[shown]
        drawn = Shown(np.arange(shown.sum()), worth, propensity[shown], np.ones(shown.sum()))
        covered += choice_value(drawn, chance[shown], share=0.1).chosen.covers(0.95)
    assert covered >= 88
