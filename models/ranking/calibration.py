"""Calibration of one head on the newest closed windows: what is promised is what happens."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.errors import HomefeedError
from homefeed.features import TARGETS
from homefeed.settings.ranking import RankingSettings
from models.compiled import Doubles, Floats, FloatsOut, compiled

_LEAST = 1e-7
#: Kind of a calibrator -> least length of its `x` and of its `y`.
_LENGTHS = {"scale": (0, 1), "platt": (1, 1), "isotonic": (1, 1)}


class CalibrationError(HomefeedError):
    """Calibrators that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Calibrator:
    """A non-decreasing map from a head's prediction to the observed quantity; plain numbers, so it is stored as JSON.

    Attributes:
      kind: `scale` multiplies, `platt` is a line on the log-odds, `isotonic` a piecewise linear curve.
      x, y: `scale`: y[0] is the factor. `platt`: x[0] slope and y[0] intercept. `isotonic`: the corners.
      positives: how many it was fitted to; 0 is not known.
    """

    kind: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    positives: int = 0

    def __call__(self, predictions: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n] -> [n] float32; what is not a number stays so."""
        if self.kind == "scale":
            return np.asarray(predictions * np.float32(self.y[0]), np.float32)
        if self.kind == "platt":
            return np.asarray(1 / (1 + np.exp(-(self.x[0] * log_odds(predictions) + self.y[0]))), np.float32)
        promised = np.empty(len(predictions), np.float32)
        _on_curve(np.ascontiguousarray(predictions, np.float32), *self._corners, promised)
        return promised

    @cached_property
    def _corners(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`x` and `y` as arrays: a curve of hundreds of corners is asked for every page."""
        return np.array(self.x), np.array(self.y)


@compiled
def _on_curve(predictions: Floats, x: Doubles, y: Doubles, promised: FloatsOut) -> None:
    """`np.interp`, which takes five times as long for a page: it searches for one place after the other."""
    num, left, last = len(predictions), len(x), len(x) - 1
    corner = np.zeros(num, np.int64)
    while left > 1:
        half = left // 2
        upper = x[half:]
        for i in range(num):
            corner[i] += half if upper[corner[i]] <= predictions[i] else 0
        left -= half
    for i in range(num):
        k, at = corner[i], np.float64(predictions[i])
        if at >= x[last] or at < x[0]:
            promised[i] = y[k]
        elif at >= x[k]:
            promised[i] = y[k] + (at - x[k]) * ((y[k + 1] - y[k]) / (x[k + 1] - x[k]))
        else:
            promised[i] = at  # not a number


IDENTITY = Calibrator("scale", (), (1.0,))


def calibrators_of(record: Any) -> dict[str, Calibrator]:
    """Calibrators by target from plain values, as `record_of` makes them.

    Raises:
      CalibrationError: a target is missing or unknown, or a calibrator is none: its kind is unknown, a number is not
        finite, or an isotonic curve falls.
    """
    if not isinstance(record, Mapping) or set(record) != set(TARGETS):
        raise CalibrationError(f"there is not one calibrator for each of {', '.join(TARGETS)}")
    return {target: _calibrator_of(target, record[target]) for target in TARGETS}


def record_of(calibrators: Mapping[str, Calibrator]) -> dict[str, Any]:
    """Plain values, ready for JSON."""
    return {target: asdict(calibrator) for target, calibrator in calibrators.items()}


def _calibrator_of(target: str, record: Any) -> Calibrator:
    try:
        kind = str(record["kind"])
        x, y = (tuple(map(float, record[axis])) for axis in ("x", "y"))
        positives = int(record.get("positives", 0))
        fits = len(x) >= _LENGTHS[kind][0] and len(y) >= _LENGTHS[kind][1] and bool(np.isfinite((*x, *y)).all())
        is_curve = kind != "isotonic" or (
            len(x) == len(y) and bool((np.diff(x) >= 0).all() and (np.diff(y) >= 0).all())
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"the calibrator of head {target!r} cannot be read: {error!r}") from error
    if not fits or not is_curve:
        raise CalibrationError(f"the calibrator of head {target!r} is no non-decreasing map of finite numbers")
    return Calibrator(kind, x, y, positives)


def calibrated(raw: NDArray[np.float32], calibrators: Mapping[str, Calibrator]) -> dict[str, NDArray[np.float32]]:
    """Uncalibrated heads [n, len(TARGETS)] -> target -> [n]."""
    return {target: calibrators[target](raw[:, column]) for column, target in enumerate(TARGETS)}


def calibrate(
    predictions: NDArray[np.float32],
    labels: NDArray[np.float32],
    settings: RankingSettings,
    is_probability: bool,
    weight: NDArray[np.float32] | None = None,
) -> Calibrator:
    """The calibrator of one head.

    Isotonic regression with at least `isotonic_positives`; Platt's line on the log-odds with at least
    `platt_positives`, for probabilities; below that, and for a line that would turn the order round, one factor;
    nothing when nothing was observed.

    Args:
      predictions: [n] of the head on windows it was not trained on.
      labels: [n] observed; NaN is left out, and so is a prediction that is not a number.
      settings: how many positives each kind needs.
      is_probability: False for seconds.
      weight: [n] how many exposures each stands for; None is one.

    Sources: Platt 1999; Zadrozny and Elkan 2002 (isotonic regression).
    """
    known = np.isfinite(labels) & np.isfinite(predictions)
    predicted, observed = predictions[known].astype(np.float64), labels[known].astype(np.float64)
    counts = np.ones(len(predicted)) if weight is None else weight[known].astype(np.float64)
    positives = int((observed > 0).sum())
    if not positives:
        return IDENTITY
    if positives >= settings.isotonic_positives:
        from sklearn.isotonic import IsotonicRegression

        curve = IsotonicRegression(out_of_bounds="clip").fit(predicted, observed, sample_weight=counts)
        x, y = curve.X_thresholds_.tolist(), curve.y_thresholds_.tolist()
        return Calibrator("isotonic", tuple(x), tuple(y), positives)
    if is_probability and positives >= settings.platt_positives:
        slope, intercept = _platt(predicted, observed, counts)
        if slope > 0:
            return Calibrator("platt", (slope,), (intercept,), positives)
    factor = float((counts * observed).sum() / max((counts * predicted).sum(), _LEAST))
    return Calibrator("scale", (), (factor,), positives)


def _platt(
    predicted: NDArray[np.float64], observed: NDArray[np.float64], counts: NDArray[np.float64]
) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of soft labels on the log-odds."""
    from sklearn.linear_model import LogisticRegression

    odds = log_odds(predicted)[:, None]
    both = np.concatenate([np.ones(len(odds)), np.zeros(len(odds))])
    line = LogisticRegression(C=1e6).fit(
        np.concatenate([odds, odds]), both, sample_weight=np.concatenate([counts * observed, counts * (1 - observed)])
    )
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def log_odds(probabilities: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    """[n] of probabilities [n]; of 0 and 1 those of the nearest number that has them."""
    p = np.clip(probabilities.astype(np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(p) - np.log1p(-p))
