"""`homefeed bench ranking-day`: how long a day of exposures takes to train on, and the hour after it.

A synthetic site's history goes through the platform: event log, lake, feature tables. Each training is
`models.ranking.train.train_ranking` in a process of its own, as the DAG runs it: from reading the lake to the published
report.
"""

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from rich.progress import Progress

from homefeed import windows
from homefeed.cli.bench.world_log import END
from homefeed.settings import Settings

MEANING = {
    "exposures": "Exposures of the day, validation and holdout among them.",
    "day_rows": "Exposures that training learned, after missed ones were sampled.",
    "day_s": "Seconds from reading the lake to the published report: trained, calibrated, evaluated.",
    "day_cpu_s": "Seconds of processor time of it, on all cores.",
    "day_learning_s": "Seconds of learning alone, with its looks at validation.",
    "day_peak_gib": "Most resident memory of the process.",
    "day_ne": "Normalised entropy on the holdout.",
    "hour_rows": "Exposures that the next hour's training learned: the new ones and the replay.",
    "hour_s": "Seconds of that training, which goes on from the first.",
    "hour_cpu_s": "Seconds of processor time of it, on all cores.",
    "hour_learning_s": "Seconds of learning alone, with its looks at validation.",
    "hour_peak_gib": "Most resident memory of its process.",
    "hour_ne": "Normalised entropy on its holdout.",
    "older_ne_ratio": "Normalised entropy of the hour learned before, after that training over before it.",
    "anew_s": "Seconds of a training on the same windows that starts anew.",
    "anew_ne": "Its normalised entropy on the same holdout.",
    "ne_ratio": "That of the hour divided by it.",
}
#: A day, the hour after it, and the window in which the last labels close.
SITE = {"num_viewers": 46_000, "num_videos": 20_000, "history_days": 151 / 144, "live_days": 0.0}
_HOUR_WINDOWS = 6


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Make the site, train a day and an hour."""
    from homefeed.lake import open_lake

    task = progress.task_ids[0]
    progress.update(task, total=4)
    with tempfile.TemporaryDirectory() as folder:
        world = settings.world.model_copy(update=SITE)
        own = settings.model_copy(update={"var": Path(folder) / "var", "world": world, "registry_url": ""})
        published(own)
        progress.update(task, advance=1)
        last = windows.window_of(END - 2 * windows.WINDOW)
        day_last = windows.shift(last, -_HOUR_WINDOWS)
        first = windows.shift(day_last, -143)
        num = open_lake(own.lake_path).read("exposures", windows=(first, day_last), columns=["window"]).num_rows
        day = trained(own, day_last)
        progress.update(task, advance=1)
        hour = trained(own, last)
        progress.update(task, advance=1)
        # Another folder of models, where there is nothing to go on from.
        (own.models_path / "ranking").rename(own.models_path / "before")
        anew = trained(own, last)
        progress.update(task, advance=1)
    return {
        "exposures": float(num),
        **{f"day_{name}": day[name] for name in ("rows", "s", "cpu_s", "learning_s", "peak_gib", "ne")},
        **{f"hour_{name}": hour[name] for name in ("rows", "s", "cpu_s", "learning_s", "peak_gib", "ne")},
        "older_ne_ratio": hour["older_ne_ratio"],
        "anew_s": anew["s"],
        "anew_ne": anew["ne"],
        "ne_ratio": hour["ne"] / anew["ne"],
    }


def published(settings: Settings) -> None:
    """Write the history, ingest it and publish the tables that training reads."""
    from feature_repo.aggregates import publish_aggregates
    from feature_repo.due import due_windows
    from feature_repo.exposures import publish_exposures
    from feature_repo.online import apply
    from feature_repo.user_state import publish_user_state
    from homefeed.ingest.window import ingest_windows
    from homefeed.world.history import write_history

    written = write_history(settings, END)
    touched = ingest_windows(settings, windows.span(written.first, written.last)).touched
    publish_exposures(settings, due_windows(touched, written.last))
    publish_aggregates(settings, touched)
    publish_user_state(settings, touched)
    apply(settings)


def trained(settings: Settings, window: str) -> dict[str, float]:
    """One training in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_train, settings, window).result()


def _train(settings: Settings, window: str) -> dict[str, float]:
    import resource

    began = time.monotonic()
    from models.ranking.train import train_ranking

    metrics: dict[str, Any] = train_ranking(settings, window).metrics
    return {
        "s": time.monotonic() - began,
        "cpu_s": time.process_time(),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "rows": metrics["train_rows"],
        "learning_s": metrics["learning_s"],
        "ne": metrics["ne"],
        "older_ne_ratio": metrics["older_ne_ratio"],
    }
