"""The line: what it predicts where the answer can be worked out by hand."""

import numpy as np
import pytest

from homefeed.features import DENSE_FEATURES
from homefeed.settings import Settings
from models.ranking.examples import Examples
from models.ranking.linear import Columns, linear_predictions
from tests.models.ranking.test_exposure_slices import examples


def repeated(watched: list[int], history_size: list[float] | None = None) -> Examples:
    """The first exposure of `test_exposure_slices` again and again, alike but for the size of the history."""
    rows = examples().take(np.zeros(len(watched), int))
    if history_size is not None:
        rows.inputs.dense[:, DENSE_FEATURES.index("history_size")] = history_size
    rows.labels["watched"] = np.array(watched, np.float32)
    return rows


def test_exposures_that_are_all_alike_get_the_observed_rate(settings: Settings) -> None:
    """Too few positives for a line: the prediction, whatever it was, is scaled to one in four."""
    found = linear_predictions(settings, repeated([1, 0]), repeated([1, 0, 0, 0]), repeated([0, 1, 0]))
    assert found == pytest.approx([0.25, 0.25, 0.25])


def test_what_is_learned_reaches_the_holdout(settings: Settings) -> None:
    sizes = [0.0, 40.0] * 200
    train = repeated([0, 1] * 200, sizes)
    found = linear_predictions(settings, train, train, repeated([0, 1], [0.0, 40.0]))
    assert found[0] < 0.01
    assert found[1] > 0.9


def test_columns_by_hand() -> None:
    """A size of e^2 - 1 beside 0 is 2 beside 0 in logarithms: one deviation above the mean and one below."""
    rows = repeated([0, 1], [0.0, float(np.exp(2) - 1)])
    matrix = Columns(rows).matrix(rows)
    amounts = len(DENSE_FEATURES) + 1
    place = DENSE_FEATURES.index("history_size")
    assert matrix[:, place].toarray().ravel() == pytest.approx([-1, 1])
    assert matrix[:, :amounts].sum() == pytest.approx(0, abs=1e-5)
    # Six keys each, all of them known.
    assert matrix[:, amounts:].sum(axis=1).ravel().tolist() == [[6.0, 6.0]]
    strange = rows.inputs.topic
    strange[:] = 77
    assert matrix[:, amounts:].nnz == Columns(examples()).matrix(rows)[:, amounts:].nnz == 12
