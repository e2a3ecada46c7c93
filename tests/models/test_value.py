"""The value model."""

import numpy as np
import pytest

from homefeed.features import TARGETS
from homefeed.settings.ranking import RankingSettings
from models.value import value, value_weights


def test_every_target_has_a_weight() -> None:
    assert set(value_weights(RankingSettings())) == set(TARGETS)


def test_heads_are_weighted_and_summed() -> None:
    heads = {"watched": np.array([0.1, 0.2]), "watch_s": np.array([10.0, 0.0]), "dismissed": np.array([0.0, 0.05])}
    assert value(heads, {"watched": 1.0, "watch_s": 0.01, "dismissed": -5.0}) == pytest.approx([0.2, -0.05])


def test_a_missing_head_is_an_error() -> None:
    with pytest.raises(KeyError):
        value({"watched": np.zeros(1)}, {"liked": 1.0})
