"""`homefeed bench drift`: how often drift is alerted on a site that has seasons and no drift, and how soon a fault is.

The windows are made up (`drift_windows`) and compared as the platform compares them; an alert is a column that drifted
in `monitoring.drift_lasts` windows in a row. The bounds were chosen on the weeks without a fault.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.progress import Progress

from homefeed import windows
from homefeed.cli.bench.drift_windows import DAY, WEEK, Fault, MadeSite
from homefeed.settings import Settings

if TYPE_CHECKING:
    from monitoring.drift.columns import Columns

_WEEKS, _SITES = 2, 5
#: Exposures in a window of the weeks without a fault, and of those with one: fewer viewers, more chance. Ten points of
#: a device are 3.5 standard errors of the thousand viewers of `_SOME`, 4.5 of those of `_MANY`, the sample that
#: a report compares by default; the bound is 3.
_FEW, _SOME, _MANY = 2_000, 12_000, 20_000
_HOUR = 6
#: The window that a site begins with.
_MONDAY = "20261123T0000Z"
_FAULTS = {
    "feature_shift": (Fault("video_watches_24h"), "video_watches_24h", _SOME),
    "viewer_feature_shift": (Fault("user_watches_24h"), "user_watches_24h", _SOME),
    "device_share": (Fault(device_share=0.1), "device", _MANY),
    "device_share_of_few": (Fault(device_share=0.1), "device", _SOME),
}
MEANING = {
    "false_alerts_per_week": f"Alerts in 7 days without drift, mean of {_WEEKS} sites; {_FEW:,} exposures of "
    f"{_FEW // 12} viewers a window.",
    "worst_week": "The most of one of these weeks.",
    "first_week_false_alerts": "Alerts on days 2 to 7 of a site, held against the days of its kind before and a "
    "training three hours ago, two windows of each hour; the first day of the weekend is not measured.",
    "training_alone_false_alerts": "The same, when only that training's reference is looked at, on the same days.",
    "feature_shift_found": f"Share of {_SITES} sites on which a shift of 0.3 deviations of a video feature is alerted "
    f"by the second window; {_SOME:,} exposures of {_SOME // 12:,} viewers.",
    "viewer_feature_shift_found": "The same of a feature of viewers.",
    "device_share_found": f"The same of 10 points more in the share of a device; {_MANY // 12:,} viewers.",
    "device_share_of_few_found": f"The same of {_SOME // 12:,} viewers.",
    "look_s": "Mean processor seconds of one look at a window of the weeks.",
}


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """The weeks without a fault, the first week, then the faults."""
    quick = settings.model_copy(update={"monitoring": settings.monitoring.model_copy(update={"sample_rows": 2 * _FEW})})
    task = progress.add_task("windows", total=_WEEKS * WEEK)
    weeks, began = [], time.process_time()
    for seed in range(_WEEKS):
        site = MadeSite(seed, _FEW)
        looks = []
        for number in range(WEEK):
            looks.append(drifted(quick, site.window(number), site.season(number, 2 * _FEW)))
            progress.advance(task)
        weeks.append(alerts(looks, settings.monitoring.drift_lasts))
    look_s = (time.process_time() - began) / (_WEEKS * WEEK)
    first, alone = first_week(quick, MadeSite(_WEEKS, _FEW))
    found = {}
    many = settings.model_copy(update={"monitoring": settings.monitoring.model_copy(update={"sample_rows": _MANY})})
    for name, (fault, column, num) in _FAULTS.items():
        hits = [is_found(many, MadeSite(seed, num), fault, column, num) for seed in range(_SITES)]
        found[f"{name}_found"] = sum(hits) / _SITES
    return {
        "false_alerts_per_week": sum(weeks) / len(weeks),
        "worst_week": float(max(weeks)),
        "first_week_false_alerts": float(first),
        "training_alone_false_alerts": float(alone),
        **found,
        "look_s": look_s,
    }


def drifted(settings: Settings, today: "Columns", before: "Columns") -> set[str]:
    """Columns of one window beyond their bounds."""
    from monitoring.drift.comparison import compare

    return {column.name for column in compare(settings, today, before)[0] if column.is_drifted}


def alerts(looks: Iterable[set[str]], lasts: int) -> int:
    """How many alerts begin in windows that follow each other: one for columns that drifted in `lasts` in a row."""
    num, is_firing = 0, False
    row: list[set[str]] = []
    for look in looks:
        row = [*row, look][-lasts:]
        fires = len(row) == lasts and bool(set.intersection(*row))
        num += fires and not is_firing
        is_firing = fires
    return num


def first_week(settings: Settings, site: MadeSite) -> tuple[int, int]:
    """Alerts without a week of history, and those of the training's reference alone."""
    from monitoring.drift.reference import days_alike

    both, alone, num_rows, weekend = 0, 0, settings.monitoring.sample_rows, settings.monitoring.weekend
    for number in range(DAY, WEEK, _HOUR):
        training = site.span(list(range(number - 3 * _HOUR, number - 2 * _HOUR)), num_rows)
        alike = [day for day in days_alike(windows.shift(_MONDAY, number), weekend) if day * DAY <= number]
        if not alike:
            continue
        days = [number - day * DAY + at for day in alike for at in (-1, 0, 1)]
        season = site.span(days, num_rows)
        two = [site.window(number), site.window(number + 1)]
        from_training = [drifted(settings, window, training) for window in two]
        from_season = [drifted(settings, window, season) for window in two]
        both += alerts([a & b for a, b in zip(from_training, from_season, strict=True)], 2)
        alone += alerts(from_training, 2)
    return both, alone


def is_found(settings: Settings, site: MadeSite, fault: Fault, column: str, num_rows: int) -> bool:
    """Whether the column is alerted by the second window with the fault."""
    number = 3 * DAY + 17
    looks = [
        drifted(settings, site.window(number + at, replace(fault)), site.season(number + at, num_rows)) for at in (0, 1)
    ]
    return all(column in look for look in looks)
