"""Knobs of drift, calibration and quality reports."""

from homefeed.settings.group import Group, knob


class MonitoringSettings(Group):
    """Drift, calibration and quality reports."""

    sample_rows: int = knob(20_000, "Exposures that a drift report compares, drawn by the seed.", "rows", gt=0)
    min_rows: int = knob(200, "With fewer exposures on either side drift is not measured.", "rows", gt=0)
    report_windows: int = knob(6, "Newest closed windows that a report is about.", "windows", gt=0)
    drift_threshold: float = knob(
        0.2, "Wasserstein distance over the reference's deviation from which a feature has drifted.", "sd", gt=0
    )
    reliability_bins: int = knob(10, "Groups of equal size, by prediction, of the reliability curve.", gt=1)
