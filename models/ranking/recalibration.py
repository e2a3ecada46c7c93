"""The calibrators of a release fitted again on windows that came after it, without training.

`calibrations/<release>/<window>.json`: the calibrators of all heads, fitted to windows before `window` and better on it
than those before. The release itself stays as it is; the newest file is what answers.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True)
class HeadRefit:
    """What became of one head.

    Attributes:
      is_refitted: True when the new calibrator is taken.
      reason: why, in one sentence.
      positives, check_positives: in the windows of the fit, and in the newest one.
      old_loss, new_loss: on the newest window, weighted: log loss, for seconds squared error; None when not fitted.
      old_calibration, new_calibration: predicted over observed on the newest window; None without a positive.
    """

    is_refitted: bool
    reason: str
    positives: int
    check_positives: int
    old_loss: float | None = None
    new_loss: float | None = None
    old_calibration: float | None = None
    new_calibration: float | None = None


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
    fit, check = (
        read_exposures(settings, bundle.shape, *span, settings.rollout.max_rows)[1]
        for span in ((first, last), (window, window))
    )
    raw, raw_check = _uncalibrated(bundle, fit), _uncalibrated(bundle, check)
    calibrators, heads = dict(before), {}
    for column, target in enumerate(TARGETS):
        new = _fitted(settings, target, raw[:, column], fit)
        heads[target] = _compared(settings, target, new, before[target], raw_check[:, column], fit, check)
        if heads[target].is_refitted:
            calibrators[target] = new
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


def _fitted(settings: Settings, target: str, raw: NDArray[np.float32], fit: Examples) -> Calibrator:
    is_probability = target != "watch_s"
    return calibrate(raw, fit.labels[target], settings.ranking, is_probability, weight=fit.weight)


def _compared(
    settings: Settings,
    target: str,
    new: Calibrator,
    old: Calibrator,
    raw: NDArray[np.float32],
    fit: Examples,
    check: Examples,
) -> HeadRefit:
    """Whether the new calibrator of a head is taken; `raw` [n] is of `check`."""
    knobs = settings.ranking
    positives, check_positives = (int((part.labels[target] > 0).sum()) for part in (fit, check))
    if positives < knobs.refit_positives:
        reason = f"{positives} of the {knobs.refit_positives} positives it takes in the windows of the fit"
        return HeadRefit(False, reason, positives, check_positives)
    if check_positives < knobs.refit_check_positives:
        reason = f"{check_positives} of the {knobs.refit_check_positives} positives it takes in the newest window"
        return HeadRefit(False, reason, positives, check_positives)
    known = np.isfinite(check.labels[target]) & np.isfinite(raw)
    observed, weight = check.labels[target][known], check.weight[known].astype(np.float64)
    promised = [calibrator(raw[known]) for calibrator in (old, new)]
    losses = [float(np.average(_losses(target, observed, p), weights=weight)) for p in promised]
    ratios = [float((p * weight).sum() / (observed * weight).sum()) for p in promised]
    is_better = losses[1] < losses[0]
    reason = "better on the newest window" if is_better else "no better on the newest window than the one it has"
    return HeadRefit(is_better, reason, positives, check_positives, *losses, *ratios)


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
