"""Where every policy of a seed starts from: a history of the synthetic site, its features and a first release."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.settings import Settings, load

#: The last moment of the history; the simulated days begin here.
END = datetime(2026, 11, 23, tzinfo=UTC)
_HELD_OUT = {"validation_windows": 12, "holdout_windows": 12}
#: So many of so small a catalogue that sources still have to choose.
_PROPOSED = {"num_candidates": 300, "num_trending": 60, "num_fresh": 60, "num_subscriptions": 40, "num_more_like": 40}


def simulation_settings(var: Path, seed: int, *, viewers: int, videos: int, history_days: float, days: int) -> Settings:
    """A site of that size under `var`, trained as the platform trains, in fewer passes: what so small a site needs."""
    base = load()
    groups: dict[str, dict[str, Any]] = {
        "world": {
            "num_viewers": viewers,
            "num_videos": videos,
            "history_days": history_days,
            "live_days": float(days + 1),
        },
        "retrieval": _HELD_OUT | {"max_epochs": 4},
        "ranking": _HELD_OUT | {"max_train_rows": 100_000, "max_epochs": 4, "min_training_steps": 1200},
        "serving": _PROPOSED,
    }
    changed = {name: knobs | getattr(base, name).model_dump(exclude_unset=True) for name, knobs in groups.items()}
    return load(var=var, clock_file=None, registry_url="", profile="local", seed=seed, **changed)


def make_start(settings: Settings, is_trained: bool = True) -> str:
    """Write the history, publish its features and train the first release; returns its id, empty when none is."""
    from feature_repo.online import apply
    from homefeed.cli.simulate.platform import publish, train
    from homefeed.ingest.event_log import EventLog
    from homefeed.world.history import write_history

    write_history(settings, END)
    apply(settings)
    arrivals = EventLog(settings.events_path).windows()
    publish(settings, arrivals)
    return train(settings, windows.shift(max(arrivals), -1)) if is_trained else ""


def topics_before(settings: Settings) -> NDArray[np.bool_]:
    """[viewers, topics] True where the viewer watched a video of the topic in the history."""
    from homefeed.cli.simulate.outcome import watched_topics
    from homefeed.lake import open_lake
    from homefeed.world.build import open_site

    return watched_topics(open_site(settings), open_lake(settings.lake_path).read("watches"))
