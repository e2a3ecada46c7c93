"""A ranker as the platform answers with it: its calibrators and corrections are fitted again in every window."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.settings import Settings

if TYPE_CHECKING:
    from homefeed.cli.bench.world_exposures import WorldExposures
    from models.ranking.adjustment import Adjustment
    from models.ranking.calibrated import CalibratedRanker

#: Windows from an exposure to the first pages that may know what became of it: its label window lies between.
_LAG = 2


def adjustments(settings: Settings, made: "WorldExposures", ranker: "CalibratedRanker") -> dict[str, "Adjustment"]:
    """Window of the holdout -> what answers its pages: refitted, as `models.ranking.recalibration.refit` does, when
    the exposures of the second window before it were published, to those since the training."""
    from models.ranking.adjustment import Adjustment
    from models.ranking.examples import joined
    from models.ranking.recalibration import refitted

    parts = [made.validation, made.holdout]
    raw = np.concatenate([ranker.trainer.predict(part.examples) for part in parts])
    examples = joined([part.examples for part in parts])
    span = windows.span(made.validation.first, made.holdout.last)
    names = np.concatenate([part.rows.column("window").to_numpy(zero_copy_only=False) for part in parts]).astype(str)
    number = np.searchsorted(span, names)
    answering, found = Adjustment(ranker.calibrators), {}
    for at in range(span.index(made.holdout.first), len(span)):
        check = at - _LAG
        fit = np.flatnonzero((number < check) & (number >= check - settings.ranking.refit_windows))
        newest = np.flatnonzero(number == check)
        answering = refitted(
            settings,
            answering,
            (raw[fit], examples.take(fit)),
            check - number[fit],
            (raw[newest], examples.take(newest)),
        ).adjustment
        found[span[at]] = answering
    return found


def answered(settings: Settings, made: "WorldExposures", ranker: "CalibratedRanker") -> dict[str, NDArray[np.float32]]:
    """Target -> what is promised of each exposure of the holdout, by what answers its window."""
    holdout = made.holdout
    raw = ranker.trainer.predict(holdout.examples)
    names = holdout.rows.column("window").to_numpy(zero_copy_only=False).astype(str)
    heads: dict[str, NDArray[np.float32]] = {}
    for window, adjustment in adjustments(settings, made, ranker).items():
        here = np.flatnonzero(names == window)
        for target, promised in adjustment(raw[here], holdout.examples.inputs.video[here]).items():
            heads.setdefault(target, np.zeros(len(names), np.float32))[here] = promised
    return heads
