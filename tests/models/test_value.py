"""The value model."""

import numpy as np
import pytest

from homefeed.features import TARGETS
from homefeed.settings import SettingsError, load
from homefeed.settings.ranking import RankingSettings
from models.value import (
    ENGAGEMENT,
    SATISFACTION,
    ValueWeightsError,
    checked_weights,
    value,
    value_parts,
    value_weights,
)

WEIGHTS = {**dict.fromkeys(TARGETS, 1.0), "watch_s": 0.01, "dismissed": -5.0}


def test_every_target_has_a_weight() -> None:
    assert set(value_weights(RankingSettings())) == set(TARGETS)


def test_every_target_is_either_engagement_or_satisfaction() -> None:
    assert sorted((*ENGAGEMENT, *SATISFACTION)) == sorted(TARGETS)


def test_heads_are_weighted_and_summed() -> None:
    heads = {"watched": np.array([0.1, 0.2]), "watch_s": np.array([10.0, 0.0]), "dismissed": np.array([0.0, 0.05])}
    assert value(heads, {"watched": 1.0, "watch_s": 0.01, "dismissed": -5.0}) == pytest.approx([0.2, -0.05])


def test_engagement_and_satisfaction_are_told_apart_and_sum_to_the_value() -> None:
    heads = {target: np.array([0.1, 0.0], np.float32) for target in TARGETS}
    parts = value_parts(heads, WEIGHTS)
    # 0.1 watched + 0.001 watch time + 0.1 completion; 0.1 liked + 0.1 subscribed + 0.1 shared - 0.5 dismissed.
    assert parts.engagement == pytest.approx([0.201, 0])
    assert parts.satisfaction == pytest.approx([-0.2, 0])
    assert parts.contributions["dismissed"] == pytest.approx([-0.5, 0])
    assert parts.total == pytest.approx([0.001, 0], abs=1e-7)
    assert value(heads, WEIGHTS).tolist() == parts.total.tolist()


def test_no_candidates_have_no_value() -> None:
    parts = value_parts({target: np.zeros(0, np.float32) for target in TARGETS}, WEIGHTS)
    assert parts.total.shape == parts.engagement.shape == parts.satisfaction.shape == (0,)


def test_a_head_that_is_no_number_spoils_its_own_candidate_only() -> None:
    heads = {target: np.array([0.1, 0.1], np.float32) for target in TARGETS} | {"liked": np.array([np.nan, 0.1])}
    assert np.isnan(value(heads, WEIGHTS)).tolist() == [True, False]


def test_a_missing_head_is_an_error() -> None:
    with pytest.raises(KeyError):
        value({"watched": np.zeros(1)}, {"liked": 1.0})


@pytest.mark.parametrize(
    ("target", "weight"), [("dismissed", 0.1), ("liked", -1), ("watched", np.nan), ("shared", np.inf)]
)
def test_a_weight_of_the_wrong_sign_is_refused(target: str, weight: float) -> None:
    with pytest.raises(ValueWeightsError, match=f"head '{target}' is"):
        checked_weights(WEIGHTS | {target: weight})
    with pytest.raises(SettingsError, match=f"HOMEFEED_RANKING__VALUE_{target.upper()}"):
        load(ranking={f"value_{target}": weight})


def test_weights_of_zero_are_allowed() -> None:
    assert checked_weights(dict.fromkeys(TARGETS, 0)) == dict.fromkeys(TARGETS, 0.0)


def test_a_weight_too_few_or_too_many_is_refused() -> None:
    with pytest.raises(ValueWeightsError, match="liked"):
        checked_weights({t: w for t, w in WEIGHTS.items() if t != "liked"})
    with pytest.raises(ValueWeightsError, match="applause"):
        checked_weights(WEIGHTS | {"applause": 1.0})
