"""How the demo's settings differ from a site's: hours of events in minutes, and few viewers."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from homefeed.settings import Settings, load
from homefeed.settings.group import Group

#: Windows of visits between the first page and the second training: as many as training keeps out, and one more.
HELD_OUT_WINDOWS = 6
VISIT_WINDOWS = 2 * HELD_OUT_WINDOWS + 1
#: The small synthetic site; what the user sets goes before it.
SITE: dict[str, Any] = {"num_viewers": 20_000, "num_videos": 20_000, "history_days": 1.0, "visits_per_day": 1.0}


def demo_settings(home: Path) -> Settings:
    """The user's settings with everything under `home`, a file for a clock, and gates that decide on few viewers.

    A site waits for thousands of viewers before a release goes on; the demo has hundreds, so the same gates read the
    same figures and decide with wider intervals. Both models learn from fewer rows, twice, within minutes.
    """
    base = load()
    held_out = {"validation_windows": HELD_OUT_WINDOWS, "holdout_windows": HELD_OUT_WINDOWS}
    groups: dict[str, dict[str, Any]] = {
        "world": SITE,
        "retrieval": held_out | {"max_epochs": 5},
        "ranking": held_out
        | {"negative_rate": 0.1, "max_train_rows": 120_000, "max_epochs": 2, "min_training_steps": 1200},
        # Pages of a release are another choice than the history's: a site learns that, the demo shows two trainings.
        "monitoring": {"retrain_after": 1_000},
        "serving": {"port": 0, "poll_s": 0.5, "shadow_share": 1.0, "feature_share": 0.5},
        "rollout": {
            "canary_share": 0.4,
            "ramp_share": 0.5,
            "evaluation_windows": HELD_OUT_WINDOWS,
            "min_rows": 500,
            "min_positives": 20,
            "min_offline_viewers": 30,
            "min_shadow_pages": 40,
            "min_viewers": 30,
            "max_viewers": 30,
            # A few hundred watches, of which each viewer brings several, say no more than this about a ratio.
            "min_calibration": 0.5,
            "max_calibration": 2.0,
            "ece_slack": 0.05,
            # A look every window for an hour: what a few hundred viewers do not decide stays undecided.
            "undecided_wait_s": 0.0,
            "min_slice_viewers": 100,
            # A hundred pages or two, by models of few epochs, say little about the whole catalogue.
            "min_coverage": 0.5,
            "max_concentration_gain": 0.3,
            # A log of ratings has nights, and the demo's few viewers quiet hours.
            "max_empty_windows": 144,
        },
    }
    changed = {name: knobs | _given(getattr(base, name)) for name, knobs in groups.items()}
    return load(var=home / "var", clock_file=home / "clock", registry_url="", profile="local", **changed)


def _given(group: Group) -> dict[str, Any]:
    """The knobs of a group that the user has set: they go before the demo's own."""
    return {name: getattr(group, name) for name in group.model_fields_set}


def history_end(now: datetime) -> datetime:
    """Where the history ends: at ten to, some hours ago.

    The windows of visits then close an hour, which is what training waits for, and all of them are over before `now`.
    """
    hours = (VISIT_WINDOWS + 12) // 6 + 1
    return now.replace(minute=50, second=0, microsecond=0) - timedelta(hours=hours)
