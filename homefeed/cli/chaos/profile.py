"""How the settings of the platform that faults are seeded in differ from a site's: less to train on, and small samples.

Bounds and budgets are those of a site, so that what is found here is found there.
"""

from pathlib import Path
from typing import Any

from homefeed.cli.demo.profile import HELD_OUT_WINDOWS
from homefeed.settings import Settings, load
from homefeed.settings.group import Group

#: Windows of history that no training reads: the offline gates look at them.
EVALUATED_WINDOWS = 12
_SITE: dict[str, Any] = {"num_viewers": 20_000, "num_videos": 20_000, "history_days": 1.0, "visits_per_day": 1.5}


def chaos_settings(home: Path) -> Settings:
    """The user's settings with everything under `home`, a file for a clock, and gates that need few samples."""
    base = load()
    held_out = {"validation_windows": HELD_OUT_WINDOWS, "holdout_windows": EVALUATED_WINDOWS}
    groups: dict[str, dict[str, Any]] = {
        "world": _SITE | {"live_concurrency": 2},
        "retrieval": held_out | {"max_epochs": 5},
        "ranking": held_out | {"negative_rate": 0.1, "max_train_rows": 120_000, "max_epochs": 2},
        "serving": {
            "port": 0,
            "poll_s": 0.5,
            "shadow_share": 1.0,
            "feature_share": 1.0,
            # A busy machine must not cut pages short, nor lose their viewers: that would be another fault.
            "deadline_ms": 20_000.0,
            "viewer_timeout_s": 2.0,
            "shadow_queue": 1_000,
        },
        "rollout": {
            # Every viewer is in one of the two arms: of the same viewers, as many exposures as there can be.
            "canary_share": 0.45,
            "ramp_share": 0.5,
            "evaluation_windows": EVALUATED_WINDOWS,
            "min_shadow_pages": 40,
            "min_slice_viewers": 200,
            # One look decides: nobody is there who would look again.
            "undecided_wait_s": 0.0,
            # A young site has no week behind it, and the history of one day has quiet nights.
            "max_empty_windows": 36,
        },
    }
    changed = {name: knobs | _given(getattr(base, name)) for name, knobs in groups.items()}
    return placed(load(registry_url="", profile="local", **changed), home)


def placed(settings: Settings, home: Path) -> Settings:
    """The settings with everything that is written under `home`."""
    return settings.model_copy(update={"var": home / "var", "clock_file": home / "clock"})


def _given(group: Group) -> dict[str, Any]:
    """The knobs of a group that the user has set: they go before those of the profile."""
    return {name: getattr(group, name) for name in group.model_fields_set}
