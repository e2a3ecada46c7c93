"""`homefeed bench retrieval`: what log-Q and content are worth, on a synthetic site whose true probabilities are known.

One site, one split in time: the towers learn the first days, the pass is chosen on the next six hours, and every recall
is of the last day. All towers share settings and seed and differ in one knob.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from homefeed.cli.bench.world_log import WorldLog, world_log
from homefeed.settings import Settings

MEANING = {
    "videos": "Videos of the site.",
    "train_watches": "Watches that are learned.",
    "top_share": "Share of all watches that go to the most watched hundredth of the videos.",
    "log_q_recall_at_50": "Recall@50 of the last day by the towers of the settings: log-Q on.",
    "no_log_q_recall_at_50": "The same with `retrieval.log_q` off.",
    "log_q_gain": "The first divided by the second, less 1.",
    "ids_log_q_gain": "The same of towers that know ids only (`side_features` off).",
    "cold_watches": "Watches of the last day of a video uploaded within the hour and not watched in an earlier window.",
    "cold_recall_at_100": "Recall@100 of them by the towers of the settings.",
    "ids_cold_recall_at_100": "The same by towers that know ids only.",
    "true_cold_recall_at_100": "The same by the site's own truth: chance of being shown times chance of being watched.",
    "warm_watches": "Other watches of the last day, a sample.",
    "warm_recall_at_100": "Recall@100 of them by the towers of the settings.",
    "ids_warm_recall_at_100": "The same by towers that know ids only.",
    "true_warm_recall_at_100": "The same by the site's own truth.",
    "popularity_recall_at_100": "The same by the most watched videos of the hour, day or week, the best of these.",
    "cold_to_warm": "Recall of cold watches divided by that of warm ones.",
}
SITE = {"num_viewers": 60_000, "num_videos": 20_000, "history_days": 6.0, "live_days": 0.0}
_HOUR_US = 3_600_000_000
_TRUE_QUERIES = 500


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Make the site, train four pairs of towers, and look for the watches of the last day."""
    from models.evaluation import recall_at
    from models.retrieval.recall import popularity, ranks
    from models.retrieval.watches import COUNT_SPANS

    made = world_log(settings, settings.world.model_copy(update=SITE))
    last_day = made.end_us - 24 * _HOUR_US
    cold, warm = split(made, last_day, settings.retrieval.max_eval_watches, settings.seed)
    task = progress.task_ids[0]
    progress.update(task, total=5)
    watches = made.log.watches
    asked = {"cold": cold, "warm": warm}
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, knobs in {
        "both": {},
        "no_log_q": {"log_q": False},
        "ids": {"side_features": False},
        "ids_no_log_q": {"side_features": False, "log_q": False},
    }.items():
        own = settings.model_copy(update={"retrieval": settings.retrieval.model_copy(update=knobs)})
        found[name] = _ranks_of(own, made, last_day, asked)
        progress.update(task, advance=1)
    popular = [recall_at(ranks(made.log, watches.take(warm), popularity(made.log, span)), 100) for span in COUNT_SPANS]
    recall_50 = {name: recall_at(np.concatenate([part["cold"], part["warm"]]), 50) for name, part in found.items()}
    recall = {key: {name: recall_at(part[key], 100) for name, part in found.items()} for key in asked}
    return {
        "videos": float(len(made.video)),
        "train_watches": float((watches.times < last_day - 6 * _HOUR_US).sum()),
        "top_share": made.top_share,
        "log_q_recall_at_50": recall_50["both"],
        "no_log_q_recall_at_50": recall_50["no_log_q"],
        "log_q_gain": recall_50["both"] / recall_50["no_log_q"] - 1,
        "ids_log_q_gain": recall_50["ids"] / recall_50["ids_no_log_q"] - 1,
        "cold_watches": float(len(cold)),
        "cold_recall_at_100": recall["cold"]["both"],
        "ids_cold_recall_at_100": recall["cold"]["ids"],
        "true_cold_recall_at_100": recall_at(true_ranks(made, cold[:_TRUE_QUERIES]), 100),
        "warm_watches": float(len(warm)),
        "warm_recall_at_100": recall["warm"]["both"],
        "ids_warm_recall_at_100": recall["warm"]["ids"],
        "true_warm_recall_at_100": recall_at(true_ranks(made, _some(warm, settings.seed)), 100),
        "popularity_recall_at_100": max(popular),
        "cold_to_warm": recall["cold"]["both"] / recall["warm"]["both"],
    }


def split(made: WorldLog, since: int, most: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the cold watches since `since` [microseconds] and of at most `most` others, drawn at random."""
    from models.retrieval.watches import window_number

    watches, table = made.log.watches, made.log.table
    late = np.flatnonzero(watches.times >= since)
    video, time = watches.videos[late], watches.times[late]
    earlier = made.log.counts.before(video, window_number(time), (1 << 23,))[:, 0]
    is_cold = (time - table.uploaded[video] < _HOUR_US) & (earlier == 0)
    warm = late[~is_cold]
    random = np.random.default_rng([seed, 11])
    return late[is_cold], np.sort(random.choice(warm, min(most, len(warm)), replace=False))


def true_ranks(made: WorldLog, positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Ranks of the watches at `positions` in the catalogue ordered by the site's own probability that a slot of the
    history's pages is watched: no model of the same log can be expected to do better."""
    from homefeed.world.policy import propensity_at
    from models.retrieval.recall import ranks

    watches = made.log.watches.take(positions)
    every = made.video
    slot = np.full(len(every), round(made.site.world.slots_seen / 2))

    def score(block: NDArray[np.int64], _: int) -> NDArray[np.float32]:
        rows = []
        for place in block:
            viewer, time = int(made.viewer[positions[place]]), int(watches.times[place])
            device = np.full(len(every), int(made.site.audience.device[viewer]))
            chance = made.site.interest(np.full(len(every), viewer), every, slot, np.full(len(every), time), device)
            rows.append(chance * propensity_at(made.site, viewer, time, every))
        return np.stack(rows).astype(np.float32)

    return ranks(made.log, watches, score)


def _some(positions: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    random = np.random.default_rng([seed, 12])
    return np.sort(random.choice(positions, min(_TRUE_QUERIES, len(positions)), replace=False))


def _ranks_of(
    settings: Settings, made: WorldLog, last_day: int, asked: dict[str, NDArray[np.int64]]
) -> dict[str, NDArray[np.float64]]:
    """Train one pair of towers, then the ranks of the watches that are asked for."""
    import tensorflow as tf

    from models.retrieval.recall import ranks, two_tower
    from models.retrieval.train_set import all_watches
    from models.retrieval.trainer import Towers

    watches, knobs = made.log.watches, settings.retrieval
    until = last_day - 6 * _HOUR_US
    tf.keras.utils.set_random_seed(settings.seed)
    towers: Any = Towers(settings, made.log, all_watches(watches, until, knobs))
    between = np.flatnonzero((watches.times >= until) & (watches.times < last_day))
    validation = watches.take(between).newest(knobs.max_eval_watches)
    towers.train(lambda: towers.recall(validation))
    found = {}
    for name, positions in asked.items():
        wanted = watches.take(positions)
        queries = towers.queries(wanted.users, wanted.times)
        found[name] = ranks(made.log, wanted, two_tower(queries, towers.vectors_before))
    return found
