"""`homefeed bench train-hour`: hourly training that goes on from the last, against starting anew on the same windows.

One synthetic site. A training starts anew six hours before the end of the history; each hour after it goes on from the
one before. Every second hour one that starts anew on the same windows is measured beside it, on the same watches.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from rich.progress import Progress

from homefeed import windows
from homefeed.cli.bench.world_log import END, WorldLog, world_log
from homefeed.settings import Settings

MEANING = {
    "watches": "Watches of the whole history.",
    "anew_watches": "Watches that the last training that starts anew reads.",
    "hour_watches": "Watches that the last hour's training reads: the new ones, their past, and the replay.",
    "anew_recall_at_100": "Recall@100 of the trainings that start anew, mean over the hours where both are measured.",
    "hour_recall_at_100": "The same of the trainings that go on, the last of which has gone on six times.",
    "recall_ratio": "The second divided by the first.",
    "anew_s": "Seconds of learning of a training that starts anew, with its looks at validation; mean.",
    "hour_s": "The same of a training that goes on.",
    "time_ratio": "The second divided by the first.",
    "anew_whole_s": "Seconds of the whole training: also its report, its slices and saving it; mean.",
    "hour_whole_s": "The same of a training that goes on.",
}
SITE = {"num_viewers": 60_000, "num_videos": 20_000, "history_days": 14.0, "live_days": 0.0}
NUM_HOURS, _EVERY = 6, 2
_HOUR_WINDOWS = 6


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Make the site, train the chain of hours and what it is compared with."""
    made = world_log(settings, settings.world.model_copy(update=SITE))
    task = progress.task_ids[0]
    progress.update(task, total=1 + NUM_HOURS + NUM_HOURS // _EVERY)
    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"var": Path(folder)})
        last = windows.window_of(END - windows.WINDOW)
        training = fitted(own, made, windows.shift(last, -NUM_HOURS * _HOUR_WINDOWS), None)
        progress.update(task, advance=1)
        anew, hours = [], []
        for hour in range(1, NUM_HOURS + 1):
            window = windows.shift(last, (hour - NUM_HOURS) * _HOUR_WINDOWS)
            training = fitted(own, made, window, training)
            progress.update(task, advance=1)
            if hour % _EVERY == 0:
                anew.append(fitted(own, made, window, None))
                hours.append(training)
                progress.update(task, advance=1)
    results = {
        "watches": float(len(made.log.watches)),
        "anew_watches": anew[-1].metrics["train_watches"],
        "hour_watches": hours[-1].metrics["train_watches"],
    }
    for name, trainings in (("anew", anew), ("hour", hours)):
        for metric, result in (("recall_at_100", "recall_at_100"), ("learning_s", "s"), ("whole_s", "whole_s")):
            results[f"{name}_{result}"] = sum(t.metrics[metric] for t in trainings) / len(trainings)
    results["recall_ratio"] = results["hour_recall_at_100"] / results["anew_recall_at_100"]
    results["time_ratio"] = results["hour_s"] / results["anew_s"]
    return {name: results[name] for name in MEANING}


def fitted(settings: Settings, made: WorldLog, window: str, start: Any) -> Any:
    """A training on what the site knew at the end of a window; its metrics get `whole_s`."""
    from models.retrieval.batches import Log
    from models.retrieval.train import fit
    from models.retrieval.watches import WatchCounts

    log, end = made.log, round(windows.end(window).timestamp() * 1_000_000)
    known = log.watches.take(log.watches.times < end)
    began = time.monotonic()
    then = Log(log.table, known, log.profiles, WatchCounts(known))
    training = fit(settings, window, then, versions={}, start=start)
    training.metrics["whole_s"] = time.monotonic() - began
    return training
