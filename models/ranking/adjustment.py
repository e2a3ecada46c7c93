"""What is done to what the network says before it answers: calibrated head by head, then corrected video by video.

`calibrations/<release>/<window>.json`: an adjustment, fitted to windows before `window` and better on it than the one
before. The release itself stays as it is; the newest file is what answers.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.settings import Settings
from models.ranking.calibration import CalibrationError, Calibrator, calibrated, calibrators_of, record_of
from models.ranking.corrections import NONE, Corrections, corrections_from, record_of_corrections

#: Files kept of one release: a day of windows.
_KEPT = 144


@dataclass(frozen=True)
class Adjustment:
    """The calibrator of each head, and the corrections of videos."""

    calibrators: Mapping[str, Calibrator]
    corrections: Corrections = NONE

    def __call__(self, raw: NDArray[np.float32], videos: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        """Uncalibrated heads [n, len(TARGETS)] of `videos` [n] keys -> target -> [n]."""
        return self.corrections(calibrated(raw, self.calibrators), videos)


def adjustment_files(settings: Settings, release: str) -> list[Path]:
    """Files of a release, the newest first."""
    return sorted((settings.calibrations_path / release).glob("*.json"), reverse=True)


def read_adjustment(file: Path, release: str) -> Adjustment:
    """The adjustment in a file of `release`. Raises CalibrationError when it cannot be used."""
    try:
        record: Any = json.loads(file.read_bytes())
        if record["release"] != release or record["window"] != file.stem:
            raise CalibrationError(f"it is of release {record['release']!r} and window {record['window']!r}")
        windows.start(file.stem)
        return Adjustment(calibrators_of(record["calibrators"]), corrections_from(record.get("corrections")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, CalibrationError) as error:
        raise CalibrationError(
            f"the calibrators {file} cannot be used: {error}; those before them stay, and the next window of the DAG "
            "monitor_release makes new ones"
        ) from error


def newest_adjustment(
    settings: Settings, release: str, is_wanted: Callable[[str], bool] = lambda window: True
) -> Adjustment | None:
    """The newest usable adjustment of a release of a wanted window; None when there is none."""
    for file in adjustment_files(settings, release):
        if is_wanted(file.stem):
            try:
                return read_adjustment(file, release)
            except CalibrationError:
                continue
    return None


def write_adjustment(
    settings: Settings, release: str, window: str, adjustment: Adjustment, told: Mapping[str, Any]
) -> Path:
    """Write a file that appears whole or not at all, and drop all but the newest; `told` is kept with it for people."""
    folder = settings.calibrations_path / release
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / f"{window}.json", folder / f".{window}.draft"
    record = {"release": release, "window": window, **told, "calibrators": record_of(adjustment.calibrators)}
    draft.write_text(json.dumps(record | {"corrections": record_of_corrections(adjustment.corrections)}))
    draft.replace(path)
    for old in adjustment_files(settings, release)[_KEPT:]:
        old.unlink(missing_ok=True)
    return path
