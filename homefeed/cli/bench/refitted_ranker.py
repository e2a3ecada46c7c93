"""A ranker as the platform answers with it: its calibrators and corrections are fitted again in every window."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.settings import Settings

if TYPE_CHECKING:
    from homefeed.cli.bench.world_exposures import WorldExposures
    from models.ranking.adjustment import Adjustment
    from models.ranking.calibrated import CalibratedRanker
    from models.ranking.examples import Examples

#: Windows from an exposure to the first pages that may know what became of it: its label window lies between.
_LAG = 2


@dataclass(frozen=True)
class Known:
    """What a ranker says of n exposures after its training, and what became of them.

    Attributes:
      raw: [n, len(TARGETS)] uncalibrated heads.
      examples: the exposures.
      windows: of validation and holdout.
      number: [n] place of each exposure's window there.
    """

    raw: NDArray[np.float32]
    examples: "Examples"
    windows: list[str]
    number: NDArray[np.int64]

    def at(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], "Examples"]:
        """Some of the exposures."""
        return self.raw[rows], self.examples.take(rows)


def known(made: "WorldExposures", ranker: "CalibratedRanker") -> Known:
    """Of validation and holdout."""
    from models.ranking.examples import joined

    parts = [made.validation, made.holdout]
    span = windows.span(made.validation.first, made.holdout.last)
    names = np.concatenate([part.rows.column("window").to_numpy(zero_copy_only=False) for part in parts]).astype(str)
    raw = np.concatenate([ranker.trainer.predict(part.examples) for part in parts])
    return Known(raw, joined([part.examples for part in parts]), span, np.searchsorted(span, names))


def adjustment_of(settings: Settings, known: Known, window: str, before: "Adjustment") -> "Adjustment":
    """What answers the pages of a window of the holdout, where `before` did until then: refitted, as
    `models.ranking.recalibration.refit` does, when the exposures of the second window before were published."""
    from models.ranking.recalibration import refitted

    newest = known.windows.index(window) - _LAG
    ages = newest - known.number
    fit, check = np.flatnonzero((ages > 0) & (ages <= settings.ranking.refit_windows)), np.flatnonzero(ages == 0)
    return refitted(settings, before, known.at(fit), ages[fit], known.at(check)).adjustment


def answered(settings: Settings, made: "WorldExposures", ranker: "CalibratedRanker") -> dict[str, NDArray[np.float32]]:
    """Target -> what is promised of each exposure of the holdout [n], by what answers its window."""
    from models.ranking.adjustment import Adjustment

    seen, adjustment = known(made, ranker), Adjustment(ranker.calibrators)
    promised: list[dict[str, NDArray[np.float32]]] = []
    for at in range(seen.windows.index(made.holdout.first), len(seen.windows)):
        adjustment = adjustment_of(settings, seen, seen.windows[at], adjustment)
        raw, examples = seen.at(np.flatnonzero(seen.number == at))
        promised.append(adjustment(raw, examples.inputs.video))
    # The holdout is in order of its windows.
    return {target: np.concatenate([part[target] for part in promised]) for target in promised[0]}
