"""The calibrators of a release fitted again on windows that came after it, without training.

`calibrations/<release>/<window>.json`: the calibrators of all heads, fitted to windows before `window` and better on it
than those before. The release itself stays as it is; the newest file is what answers.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.features import TARGETS
from homefeed.settings import Settings
from models.evaluation.metrics import log_loss
from models.ranking.calibration import CalibrationError, Calibrator, calibrate, calibrators_of, record_of
from models.ranking.closed_windows import in_blocks, read_exposures
from models.ranking.examples import Examples

if TYPE_CHECKING:
    from models.bundle import Bundle

#: Files kept of one release: a day of windows.
_KEPT = 144
#: Standard errors to either side of the interval of a ratio: seven heads are looked at in every window.
_ERRORS = 3.0


@dataclass(frozen=True)
class HeadRefit:
    """What became of one head.

    Attributes:
      is_refitted: True when the new calibrator is taken.
      reason: why, in one sentence.
      positives, check_positives: in the windows of the fit, and in the newest one.
      old_loss, new_loss: on the newest window, weighted: log loss, for seconds squared error; None when not fitted.
      old_calibration, new_calibration: predicted over observed on the newest window; None with too few positives there.
      old_low, old_high: interval of `old_calibration` by viewer, of three standard errors; None where it has none.
      fitted_windows: newest windows before the newest one that the new calibrator was fitted to.
    """

    is_refitted: bool
    reason: str
    positives: int
    check_positives: int
    old_loss: float | None = None
    new_loss: float | None = None
    old_calibration: float | None = None
    new_calibration: float | None = None
    old_low: float | None = None
    old_high: float | None = None
    fitted_windows: int | None = None


@dataclass(frozen=True)
class Refit:
    """One refit.

    Attributes:
      release, window: whose calibrators, and the newest window, which they are compared on.
      windows: first and last window of the fit; None when there is none after the release's own.
      heads: what became of each head.
      path: the file; None when every head stays.
    """

    release: str
    window: str
    windows: tuple[str, str] | None
    heads: dict[str, HeadRefit]
    path: Path | None


def refit(settings: Settings, bundle: "Bundle", window: str) -> Refit:
    """Fit the calibrators of a release to its newest windows, and keep those that are better on `window`.

    Args:
      settings: `ranking.refit_windows`, the positives it takes, and the kinds of calibrators.
      bundle: the release.
      window: newest closed window whose exposures are published; it is not fitted to.

    Returns:
      What was done. A head with too few positives, or no better, keeps the calibrator it has; when all do, nothing is
      written. The same window again gives the same file.
    """
    knobs, release = settings.ranking, bundle.release
    own = windows.shift(bundle.manifest.windows[1], 1 + knobs.validation_windows)
    first, last = max(own, windows.shift(window, -knobs.refit_windows)), windows.shift(window, -1)
    if first > last:
        reason = f"the release was trained and calibrated on windows up to {windows.shift(own, -1)}"
        return Refit(release, window, None, {t: HeadRefit(False, reason, 0, 0) for t in TARGETS}, None)
    before = newest_calibrators(settings, release, lambda name: name < window) or bundle.calibrators
    (rows, fit), (_, check) = (
        read_exposures(settings, bundle.shape, *span, settings.rollout.max_rows)
        for span in ((first, last), (window, window))
    )
    ages = _ages(rows, window)
    raw, raw_check = _uncalibrated(bundle, fit), _uncalibrated(bundle, check)
    calibrators, heads = dict(before), {}
    for column, target in enumerate(TARGETS):
        answered = _measured(before[target], target, raw_check[:, column], check)
        taken, heads[target] = before[target], _standing(settings, target, fit, check, answered)
        if not heads[target].reason:
            spans = _spans(settings, target, fit, ages, answered)
            tried = [(num, _fitted(settings, target, raw[:, column], fit, ages <= num)) for num in spans]
            taken, heads[target] = _best(target, before[target], tried, raw_check[:, column], check, heads[target])
        calibrators[target] = taken
    path = None
    if any(head.is_refitted for head in heads.values()):
        told: dict[str, Any] = {"release": release, "window": window, "windows": [first, last]}
        told |= {"heads": {target: asdict(head) for target, head in heads.items()}}
        path = _write(settings, release, window, told | {"calibrators": record_of(calibrators)})
    return Refit(release, window, (first, last), heads, path)


def calibration_files(settings: Settings, release: str) -> list[Path]:
    """Files of a release, the newest first."""
    return sorted((settings.calibrations_path / release).glob("*.json"), reverse=True)


def read_calibrators(file: Path, release: str) -> dict[str, Calibrator]:
    """The calibrators in a file of `release`. Raises CalibrationError when they cannot be used."""
    try:
        record: Any = json.loads(file.read_bytes())
        if record["release"] != release or record["window"] != file.stem:
            raise CalibrationError(f"it is of release {record['release']!r} and window {record['window']!r}")
        windows.start(file.stem)
        return calibrators_of(record["calibrators"])
    except (OSError, ValueError, KeyError, TypeError, CalibrationError) as error:
        raise CalibrationError(
            f"the calibrators {file} cannot be used: {error}; those before them stay, and the next window of the DAG "
            "monitor_release makes new ones"
        ) from error


def newest_calibrators(
    settings: Settings, release: str, is_wanted: Callable[[str], bool] = lambda window: True
) -> dict[str, Calibrator] | None:
    """The newest usable calibrators of a release of a wanted window; None when there are none."""
    for file in calibration_files(settings, release):
        if is_wanted(file.stem):
            try:
                return read_calibrators(file, release)
            except CalibrationError:
                continue
    return None


def _uncalibrated(bundle: "Bundle", examples: Examples) -> NDArray[np.float32]:
    blocks = in_blocks(bundle.uncalibrated, examples.inputs, len(examples))
    return np.concatenate(blocks) if blocks else np.zeros((0, len(TARGETS)), np.float32)


def _ages(rows: Any, window: str) -> NDArray[np.int64]:
    """[n] how many windows each exposure lies before `window`."""
    names, codes = np.unique(np.asarray(rows.column("window").to_pylist(), str), return_inverse=True)
    ages = [int((windows.start(window) - windows.start(name)) / windows.WINDOW) for name in names.tolist()]
    return np.asarray(ages, np.int64)[codes] if ages else np.zeros(0, np.int64)


@dataclass(frozen=True)
class _Answer:
    """What a calibrator makes of the newest window: mean loss, and predicted over observed with its interval."""

    loss: float
    ratio: float
    low: float | None
    high: float | None

    @property
    def is_off(self) -> bool:
        """Whether it is off beyond chance."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def _measured(calibrator: Calibrator, target: str, raw: NDArray[np.float32], check: Examples) -> _Answer | None:
    """None without a positive."""
    known = np.isfinite(check.labels[target]) & np.isfinite(raw)
    observed, weight = check.labels[target][known].astype(np.float64), check.weight[known].astype(np.float64)
    happened = float((observed * weight).sum())
    if not happened:
        return None
    promised = calibrator(raw[known])
    ratio = float((promised * weight).sum()) / happened
    # By viewer, whose exposures stand and fall together: the ratio's own linearisation (Cochran 1977, section 6.3).
    off = np.bincount(np.unique(check.users[known], return_inverse=True)[1], weight * (promised - ratio * observed))
    error = float(np.sqrt((off**2).sum())) / happened
    bounds = (ratio - _ERRORS * error, ratio + _ERRORS * error) if len(off) > 1 else (None, None)
    losses = _losses(target, check.labels[target][known], promised)
    return _Answer(float(np.average(losses, weights=weight)), ratio, *bounds)


def _standing(settings: Settings, target: str, fit: Examples, check: Examples, answered: _Answer | None) -> HeadRefit:
    """How a head stands before anything is fitted; with a reason when nothing can be."""
    knobs = settings.ranking
    positives, check_positives = (int((part.labels[target] > 0).sum()) for part in (fit, check))
    reason = ""
    if positives < knobs.refit_positives:
        reason = f"{positives} of the {knobs.refit_positives} positives it takes in the windows of the fit"
    if answered is None or check_positives < knobs.refit_check_positives:
        few = f"{check_positives} of the {knobs.refit_check_positives} positives it takes in the newest window"
        return HeadRefit(False, reason or few, positives, check_positives)
    return HeadRefit(
        False,
        reason,
        positives,
        check_positives,
        old_loss=answered.loss,
        old_calibration=answered.ratio,
        old_low=answered.low,
        old_high=answered.high,
    )


def _spans(
    settings: Settings, target: str, fit: Examples, ages: NDArray[np.int64], answered: _Answer | None
) -> list[int]:
    """Of how many of the newest windows a calibrator is tried: of all; and when the head is off, of as few as hold
    `ranking.refit_positives`, since what has changed is in these alone."""
    every = int(ages.max(initial=1))
    if answered is None or not answered.is_off:
        return [every]
    positives = np.bincount(ages[fit.labels[target] > 0], minlength=every + 1)
    few = int(np.searchsorted(np.cumsum(positives), settings.ranking.refit_positives))
    return sorted({max(few, 1), every})


def _fitted(
    settings: Settings, target: str, raw: NDArray[np.float32], fit: Examples, kept: NDArray[np.bool_]
) -> Calibrator:
    labels, is_probability = fit.labels[target][kept], target != "watch_s"
    return calibrate(raw[kept], labels, settings.ranking, is_probability, weight=fit.weight[kept])


def _best(
    target: str,
    old: Calibrator,
    tried: list[tuple[int, Calibrator]],
    raw: NDArray[np.float32],
    check: Examples,
    standing: HeadRefit,
) -> tuple[Calibrator, HeadRefit]:
    """The calibrator of a head that is best on `check`, the old one among them, and what became of the head.

    Args:
      target: the head.
      old: the calibrator that answers now.
      tried: number of windows, and the calibrator that was fitted to them.
      raw: [n] of `check` before any calibrator.
      check: the newest window, with a positive.
      standing: the head before this.
    """
    answers = [(answer, *new) for new in tried if (answer := _measured(new[1], target, raw, check)) is not None]
    answer, num, fitted = min(answers, key=lambda found: (found[0].loss, found[1]))
    is_better = standing.old_loss is not None and answer.loss < standing.old_loss
    told = replace(
        standing,
        is_refitted=is_better,
        reason="better on the newest window" if is_better else "no better on the newest window than the one it has",
        new_loss=answer.loss,
        new_calibration=answer.ratio,
        fitted_windows=num,
    )
    return (fitted if is_better else old), told


def _losses(target: str, observed: NDArray[np.float32], p: NDArray[np.float32]) -> NDArray[np.float64]:
    """[n] of each exposure; a label may be a share, as completion is."""
    if target == "watch_s":
        return np.asarray((observed.astype(np.float64) - p) ** 2)
    one, zero = (log_loss(np.full(len(p), label), p) for label in (True, False))
    return np.asarray(observed * one + (1 - observed) * zero, np.float64)


def _write(settings: Settings, release: str, window: str, record: dict[str, Any]) -> Path:
    """Write a file that appears whole or not at all, and drop all but the newest."""
    folder = settings.calibrations_path / release
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / f"{window}.json", folder / f".{window}.draft"
    draft.write_text(json.dumps(record))
    draft.replace(path)
    for old in calibration_files(settings, release)[_KEPT:]:
        old.unlink(missing_ok=True)
    return path
