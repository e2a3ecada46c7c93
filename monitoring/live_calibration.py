"""Calibration of the live release, window by window, by the calibrators that answered it: the record of each refit."""

import json
from collections.abc import Mapping
from typing import Any

from homefeed.registry import open_registry
from homefeed.settings import Settings

KIND = "refit"


def record_refit(settings: Settings, release: str, window: str, heads: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep what a refit measured, also when every calibrator stays.

    Args:
      settings: the settings tree.
      release, window: whose calibrators, and the window that they were compared on.
      heads: target -> `is_refitted`, `reason`, `old_calibration` and `new_calibration` (predicted over observed on the
        window; None where it was not measured), as of `models.ranking.recalibration.HeadRefit`.
    """
    file = settings.reports_path / KIND / f"{window}-{release}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"heads": {head: dict(told) for head, told in heads.items()}}
    file.write_text(json.dumps({"release": release, "window": window} | content, indent=2))
    open_registry(settings.resolved_registry_url).add_report(KIND, window, release, file, content)
