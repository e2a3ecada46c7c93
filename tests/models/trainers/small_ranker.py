"""One of several trainers of a small ranker, as a process of its own: `python small_ranker.py RANK JOB OUT MODE`.

JOB is a JSON file with `addresses`. It trains anew into OUT/anew and goes on from that into OUT/hour, with videos that
are new. MODE `whole` or `owned`; `die` is `owned`, and the second trainer is killed in the second pass.
"""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import tensorflow as tf

import models  # noqa: F401
from homefeed.cli.bench.made_exposures import made_exposures
from homefeed.settings import load
from homefeed.settings.ranking import RankingSettings
from models import steps
from models.progress import Progress
from models.ranking import network, statistics
from models.ranking.examples import Examples
from models.ranking.learning import Learned, learn
from models.ranking.trainer import Trainer
from models.trainers.cluster import connect
from models.trainers.group import Group
from models.trainers.job import Job, TrainersError

SEED = 5
#: Of what a table has to have to be divided: that of videos does, and that of channels.
OWNED_ROWS = 100
#: Steps are those of the same batches for one trainer and for two, and no trainer hides anything that others see.
SETTINGS = load(
    seed=SEED,
    ranking=RankingSettings(
        max_epochs=2, min_steps=10, min_training_steps=20, slot_dropout=0.0, gate_dropout=0.0, max_older_ne_ratio=10.0
    ),
    trainers={"wait_s": 60.0, "timeout_s": 60.0},
)


def parts(is_hour: bool) -> tuple[Examples, Examples, Examples]:
    """Exposures to learn, to validate and of the hour before; half of the videos that an hour learns are new."""
    made = made_exposures(1500, SEED + is_hour)
    if is_hour:
        video = np.where(made.inputs.video % 2, made.inputs.video + 50_000, made.inputs.video)
        made = replace(made, inputs=replace(made.inputs, video=video))
    return made.take(slice(0, 1000)), made.take(slice(1000, 1400)), made.take(slice(1400, None))


def trained(folder: Path, group: Group, start: Path | None = None) -> Learned | None:
    """Train anew, or from the training in `start`; the chief writes `folder` and says what was learned."""
    train, validation, older = parts(start is not None)
    notes = Progress(folder.with_suffix(".progress"), "", {}, every=4)
    tf.keras.utils.set_random_seed(SEED)
    # Every row of a table is updated when it is read, as in a large one, and every video has one.
    with (
        patch.object(steps, "_WHOLE_ROWS", 0),
        patch.object(network, "_DROPOUT", 0.0),
        patch.object(statistics, "_LEAST_EXPOSURES", 1),
    ):
        trainer = Trainer(SETTINGS, train, start, group)
        if group.rank:
            if start:
                trainer.entropy(train.take(slice(0, 0)))
            trainer.train(train, None, notes)
            return None
        learned = learn(trainer, train, validation, older if start else None, 10.0, notes)
    folder.mkdir()
    trainer.save(folder)
    return learned


def main() -> None:
    rank, told, out, mode = int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3]), sys.argv[4]
    knobs = {"owned_rows": 0 if mode == "whole" else OWNED_ROWS}
    job = Job("job", "ranking", tuple(told["addresses"]), "", {}, "", 0, knobs)
    try:
        group = connect(SETTINGS, job, rank)
        if mode == "die" and rank:
            compare = group.check_same

            def compare_or_die(weights: list[object], when: str) -> None:
                if when == "after pass 2":
                    os.kill(os.getpid(), signal.SIGKILL)
                compare(weights, when)

            group.check_same = compare_or_die  # type: ignore[method-assign]
        trained(out / "anew", group)
        group.check_same([], "between")
        trained(out / "hour", group, out / "anew")
    except (TrainersError, tf.errors.OpError) as error:
        print(f"{type(error).__name__}: {error}")
        raise SystemExit(2) from error
    os._exit(0)


if __name__ == "__main__":
    main()
