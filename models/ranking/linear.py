"""The line that the ranker has to beat: logistic regression on the same exposures and the same columns of features."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from homefeed.settings import Settings
from models.ranking.baseline import MOST_CATEGORIES, Categories, calibrated_on
from models.ranking.examples import Examples


def linear_predictions(
    settings: Settings, train: Examples, validation: Examples, holdout: Examples
) -> NDArray[np.float32]:
    """Probabilities of a watch on `holdout` [n], corrected for the sampling and calibrated on `validation` like the
    ranker's.

    It reads the logarithms of the dense features and of the slot, standardised, and topic, channel, languages, country
    and device as one column per key. With the logarithms of counts a line knows their rates.
    """
    from sklearn.linear_model import LogisticRegression

    columns = Columns(train)
    line = LogisticRegression(max_iter=1000, tol=1e-4)
    line.fit(columns.matrix(train), train.labels["watched"] > 0)
    raw = [line.predict_proba(columns.matrix(part))[:, 1].astype(np.float64) for part in (validation, holdout)]
    return calibrated_on(settings, validation, *raw)


class Columns:
    """Columns of the line, with means and deviations of training."""

    def __init__(self, train: Examples) -> None:
        self._categories = Categories(train)
        amounts = _amounts(train)
        self._mean = amounts.mean(axis=0)
        # A column that is always the same says nothing; dividing by its deviation of zero would say anything.
        self._deviation = np.maximum(amounts.std(axis=0), np.float32(1e-3))

    def matrix(self, examples: Examples) -> sp.csr_matrix:
        """[n, amounts + len(NAMES) * (MOST_CATEGORIES + 1)] float32."""
        amounts = (_amounts(examples) - self._mean) / self._deviation
        codes = self._categories.codes(examples).astype(np.int32)
        num, width = amounts.shape
        places = width + np.arange(codes.shape[1], dtype=np.int32) * (MOST_CATEGORIES + 1) + codes
        every = np.broadcast_to(np.arange(width, dtype=np.int32), amounts.shape)
        indices = np.concatenate([every, places], axis=1).ravel()
        values = np.concatenate([amounts, np.ones(codes.shape, np.float32)], axis=1).ravel()
        rows = np.arange(num + 1, dtype=np.int64) * (width + codes.shape[1])
        return sp.csr_matrix(
            (values, indices, rows), shape=(num, width + codes.shape[1] * (MOST_CATEGORIES + 1)), dtype=np.float32
        )


def _amounts(examples: Examples) -> NDArray[np.float32]:
    dense = examples.inputs.dense
    slot = np.log1p(examples.inputs.slot.astype(np.float32))
    return np.column_stack([np.sign(dense) * np.log1p(np.abs(dense)), slot]).astype(np.float32)
