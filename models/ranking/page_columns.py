"""Columns of `statistics.widened` that are of one owner, in numpy, as the network reads them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import SPANS
from models.ranking.constants import PRIOR_IMPRESSIONS, PRIOR_WATCHES, RATED_MEASURES
from models.ranking.owners import FEATURES_OF
from models.ranking.page_kernels import pieces

Matrix = NDArray[np.float32]


class Pieces:
    """Columns of one owner as the network reads them: `Ranker.pieces` and `quantiles`."""

    def __init__(self, weights: Mapping[str, NDArray[Any]], of: str) -> None:
        names = ("least", "most", "mean", "deviation", "low", "width", "wide")
        self._weights = tuple(weights[f"{of}_{name}"] for name in names)

    def __call__(self, columns: Matrix, part: slice) -> tuple[Matrix, Matrix]:
        """Columns [d, .] -> those of `part`, normalised with their quantiles [2 d, n], and what they add to the logits
        [heads, n]."""
        num, wide = part.stop - part.start, self._weights[-1]
        read = np.empty((2 * len(columns), num), np.float32)
        logits = np.empty((wide.shape[1], num), np.float32)
        pieces(columns, part.start, read, logits, *self._weights)
        return read, logits


class Aggregates:
    """Columns of an owner that has aggregates: logarithms of its features, and of its smoothed rates.

    Args:
      of: one of `ENTITIES`.
    """

    def __init__(self, of: str) -> None:
        names = FEATURES_OF[of]
        self._shown = [names.index(f"{of}_impressions_{span}") for span in SPANS]
        self._rated = [[names.index(f"{of}_{measure}_{span}") for span in SPANS] for measure in RATED_MEASURES]

    def __call__(self, dense: Matrix) -> Matrix:
        """Raw features [d, n] -> [w, n]."""
        shown = np.log(dense[self._shown] + np.float32(PRIOR_IMPRESSIONS))
        rates = [np.log(dense[measure] + np.float32(PRIOR_WATCHES)) - shown for measure in self._rated]
        return np.concatenate([signed_log(dense), *rates])


def signed_log(dense: Matrix) -> Matrix:
    """`statistics.signed_log`."""
    return np.copysign(np.log1p(np.abs(dense)), dense)
