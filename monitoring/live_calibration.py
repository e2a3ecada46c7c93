"""Calibration of the live release, window by window, by the calibrators that answered it: each refit and its record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from homefeed.errors import HomefeedError
from homefeed.registry import Report, open_registry
from homefeed.settings import Settings
from monitoring.live import live_release

KIND = "refit"


@dataclass(frozen=True)
class HeadOff:
    """One head in the newest windows.

    Attributes:
      ratio: predicted over observed in the newest window; None when that was not measured.
      value: how far off it is: the ratio, or its inverse where that is larger; 1 when some of the windows do not show,
        beyond chance, that it is off to that side; None without a ratio.
    """

    ratio: float | None
    value: float | None


def calibrate_window(settings: Settings, window: str) -> dict[str, dict[str, Any]]:
    """Fit the calibrators and corrections of the live release and of those in rollout again, and record the live one's.

    A release in rollout whose bundle is refused does not keep the live one from being calibrated: its gates fail it.

    Args:
      settings: the settings tree.
      window: newest closed window whose exposures are published.

    Returns:
      Release -> its `models.ranking.recalibration.Refit`, or `refused`: why its bundle is. Empty while nothing is live
      that this version of the code can compute.

    Raises:
      HomefeedError: the live release's bundle is refused.
    """
    from models.bundle import load_bundle
    from models.ranking.recalibration import refit_each

    registry = open_registry(settings.resolved_registry_url)
    live, _ = live_release(settings, registry)
    if live is None:
        return {}
    bundles, done = [load_bundle(settings, live.id)], dict[str, dict[str, Any]]()
    for release in registry.in_rollout():
        try:
            bundles.append(load_bundle(settings, release.id))
        except HomefeedError as error:
            done[release.id] = {"refused": str(error)}
    for made in refit_each(settings, bundles, window):
        told = done[made.release] = asdict(made)
        if made.release == live.id:
            record_refit(settings, live.id, window, told["heads"], told["corrections"])
    return done


def record_refit(
    settings: Settings,
    release: str,
    window: str,
    heads: Mapping[str, Mapping[str, Any]],
    corrections: Mapping[str, Any] | None = None,
) -> None:
    """Keep what a refit measured, also when everything stays.

    Args:
      settings: the settings tree.
      release, window: whose calibrators, and the window that they were compared on.
      heads: target -> `is_refitted`, `reason`, `old_calibration` with `old_low` and `old_high`, and `new_calibration`
        (predicted over observed on the window; None where it was not measured), as of
        `models.ranking.head_refit.HeadRefit`; the calibrators alone are measured, without corrections.
      corrections: what became of the corrections of videos, as of `models.ranking.correction_refit.CorrectionRefit`;
        None when there was no window to fit them to.
    """
    file = settings.reports_path / KIND / f"{window}-{release}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {"heads": {head: dict(told) for head, told in heads.items()}}
    if corrections is not None:
        content["corrections"] = dict(corrections)
    file.write_text(json.dumps({"release": release, "window": window} | content, indent=2))
    open_registry(settings.resolved_registry_url).add_report(KIND, window, release, file, content)


def heads_off(refits: Sequence[Report], num: int) -> dict[str, HeadOff]:
    """Each head over the newest `num` records of one release, the newest first.

    One window alone is no evidence: of seven heads and a day of windows some are off by chance. A window in which a
    head was not measured is passed over, except for the newest: nothing is known then.
    """
    if not refits:
        return {}
    return {head: _off([r.summary["heads"].get(head, {}) for r in refits], num) for head in refits[0].summary["heads"]}


def _off(records: Sequence[Mapping[str, Any]], num: int) -> HeadOff:
    ratio = records[0].get("old_calibration")
    if not ratio:
        return HeadOff(ratio, None)
    measured = [told for told in records if told.get("old_calibration")][:num]
    sides = {_side(told) for told in measured}
    is_shown = len(measured) == num and sides in ({1}, {-1})
    return HeadOff(ratio, max(ratio, 1 / ratio) if is_shown else 1.0)


def _side(told: Mapping[str, Any]) -> int:
    """1 for too much, -1 for too little, beyond chance; 0 when neither is shown."""
    low, high = told.get("old_low"), told.get("old_high")
    if low is None or high is None:
        return 0
    return 1 if low > 1 else -1 if high < 1 else 0
