"""Calibrators and corrections that were fitted again: bundles in memory answer with the newest, without a restart."""

import logging
from collections.abc import Mapping
from pathlib import Path

from homefeed import windows
from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from serving.bundle import Bundle
from serving.metrics import CALIBRATED, CALIBRATION_FAILURES, CORRECTED

_logger = logging.getLogger(__name__)


class Calibrations:
    """Keeps the calibrators of bundles in step with the files of `models.ranking.adjustment`.

    Attributes:
      windows: release -> window of the calibrators that it answers with; a release that is not here answers with those
        it was built with.
    """

    def __init__(self, settings: Settings) -> None:
        self.windows: dict[str, str] = {}
        self._settings = settings
        self._told: dict[str, Bundle] = {}
        self._broken: set[tuple[Path, int]] = set()

    def refresh(self, bundles: Mapping[str, Bundle]) -> None:
        """Look once for newer files; one that cannot be used is counted once and leaves what answers."""
        from models.ranking.adjustment import adjustment_files

        # A release that was loaded anew has the calibrators it was built with.
        kept = {name for name, bundle in bundles.items() if self._told.get(name) is bundle}
        self.windows = {name: window for name, window in self.windows.items() if name in kept}
        self._told = dict(bundles)
        for release, bundle in bundles.items():
            for file in adjustment_files(self._settings, release):
                if file.stem <= self.windows.get(release, "") or self._take(file, release, bundle):
                    break

    def _take(self, file: Path, release: str, bundle: Bundle) -> bool:
        from models.ranking.adjustment import read_adjustment

        try:
            version = (file, file.stat().st_mtime_ns)
        except FileNotFoundError:
            return False
        if version in self._broken:
            return False
        try:
            adjustment = read_adjustment(file, release)
            bundle.recalibrate(adjustment)
        except HomefeedError:
            self._broken.add(version)
            CALIBRATION_FAILURES.labels(release=release).inc()
            _logger.exception("release %s keeps the calibrators it has", release)
            return False
        self.windows = {**self.windows, release: file.stem}
        CALIBRATED.labels(release=release).set(windows.end(file.stem).timestamp())
        CORRECTED.labels(release=release).set(len(adjustment.corrections))
        return True
