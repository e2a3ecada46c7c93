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
from models.ranking.calibration import CalibrationError, Calibrator, calibrators_of, record_of
from models.ranking.closed_windows import in_blocks, read_exposures
from models.ranking.examples import Examples
from models.ranking.head_refit import HeadRefit, refit_head

if TYPE_CHECKING:
    from models.bundle import Bundle

#: Files kept of one release: a day of windows.
_KEPT = 144


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
        parts = (raw[:, column], fit), (raw_check[:, column], check)
        calibrators[target], heads[target] = refit_head(settings, target, before[target], parts[0], ages, parts[1])
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
