"""One of several trainers of small towers, as a process of its own: `python small_towers.py RANK JOB OUT MODE`.

JOB is a JSON file with `addresses`; weights, losses and what validation said are written to OUT, of one loss after the
other. MODE is `learn`.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import models  # noqa: F401
from homefeed.cli.bench.world_log import world_log
from homefeed.settings import load
from homefeed.settings.retrieval import RetrievalSettings
from homefeed.settings.world import WorldSettings
from models.evaluation import recall_at
from models.progress import Progress
from models.retrieval.train_set import all_watches
from models.retrieval.trainer import Towers
from models.trainers.cluster import connect
from models.trainers.group import Group
from models.trainers.job import Job, TrainersError

LOSSES = ("sampled", "exact")
WORLD = WorldSettings(num_viewers=900, num_videos=203, history_days=1.0, live_days=0.0)


def trained(loss: str, group: Group, progress: Progress | None = None, dies_after: int = 0) -> list[np.ndarray]:
    """Weights, then the loss of each pass and what validation said after it. `dies_after` so many steps it fails."""
    # Seven rows a step: of two trainers one has a row more. Nothing is drawn out, as each would draw for itself.
    knobs = RetrievalSettings(
        max_epochs=2,
        batch_size=7 * 6,
        history_length=6,
        num_negatives=33,
        exact_softmax_below=0 if loss == "sampled" else 1000,
        dropout=0.0,
        id_dropout=0.0,
        average_steps=5.0,
        incremental_epochs=1,
    )
    settings = load(seed=6, retrieval=knobs)
    log = world_log(settings, WORLD).log
    tf.keras.utils.set_random_seed(6)
    every = all_watches(log.watches, np.inf, knobs)
    newest = all_watches(log.watches.newest(150), np.inf, knobs)
    towers = Towers(settings, log, every, newest=newest, group=group)
    if dies_after:
        learn, steps = towers.learn, []

        def learn_or_die(step: dict[str, object]) -> object:
            if len(steps) == dies_after:
                raise InterruptedError
            steps.append(step)
            return learn(step)

        towers.learn = learn_or_die  # type: ignore[method-assign]
    wanted = log.watches.newest(100)
    passes = towers.train(None if group.rank else lambda: recall_at(towers.ranks(wanted), 10), progress=progress)
    weights = [weight.numpy() for weight in towers._model.trainable_variables]
    return [*weights, np.array(passes.losses), np.array(passes.validations)]


def main() -> None:
    rank, told, out = int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), sys.argv[3]
    settings = load(trainers={"wait_s": 120.0, "timeout_s": 120.0})
    job = Job("job", "retrieval", tuple(told["addresses"]), "", {}, "", 0, {})
    try:
        group = connect(settings, job, rank)
        found = [array for loss in LOSSES for array in trained(loss, group)]
    except (TrainersError, tf.errors.OpError) as error:
        print(f"{type(error).__name__}: {error}")
        raise SystemExit(2) from error
    np.savez(out, *found)
    os._exit(0)


if __name__ == "__main__":
    main()
