"""Calibration of one head in every slice that has enough positives to tell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.names import Names
from models.ranking.examples import Examples
from models.ranking.slices import groupings


@dataclass(frozen=True)
class SliceCalibration:
    """One slice.

    Attributes:
      group, name: as `models.ranking.slices` names it.
      positives: exposures whose label is above 0.
      ratio: sum of the predictions over sum of the labels.
    """

    group: str
    name: str
    positives: int
    ratio: float


def slice_calibrations(
    examples: Examples, target: str, predictions: NDArray[np.float32], names: Names, least_positives: int
) -> list[SliceCalibration]:
    """Calibration of `predictions` [n] of `target` in each slice with at least `least_positives`, one or more, the
    worst first: the one whose ratio is the most times too high or too low."""
    labels = examples.labels[target].astype(np.float64)
    known = np.isfinite(labels)
    weight = np.where(known, examples.weight, 0.0)
    positive = known & (labels > 0)
    found = []
    for grouping in groupings(examples, names):
        num = len(grouping.names)
        positives = np.bincount(grouping.codes, positive, num)
        observed = np.bincount(grouping.codes, weight * np.nan_to_num(labels), num)
        predicted = np.bincount(grouping.codes, weight * predictions, num)
        found += [
            SliceCalibration(grouping.name, grouping.names[at], int(positives[at]), float(predicted[at] / observed[at]))
            for at in np.flatnonzero(positives >= max(1, least_positives))
        ]
    return sorted(found, key=lambda part: -abs(np.log(max(part.ratio, 1e-9))))
