"""One of several trainers of a table and a line, as a process of its own: `python small_trainer.py RANK JOB OUT MODE`.

JOB is a JSON file with `addresses`, `var` and `keys`; the weights are written to OUT. MODE `differ` starts each trainer
with weights of its own, `die` kills the second one after its first batches, `owned` divides the tables.
"""

import json
import os
import signal
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import tensorflow as tf

import models  # noqa: F401
from homefeed.settings import load
from models import steps
from models import table as table_module
from models.optimizer import LazyAdam
from models.steps import Steps
from models.table import Table
from models.trainers import group as group_module
from models.trainers.cluster import connect
from models.trainers.group import Group
from models.trainers.job import Job, TrainersError
from models.trainers.owners import Owners

#: Steps of six rows each, of which three trainers learn two, and two three.
ORDER = np.random.default_rng(3).permutation(240).reshape(40, 6)


# Every table goes by rows, and their number shows in the length of what is sent.
@patch.object(steps, "_WHOLE_ROWS", 0)
@patch.object(group_module, "_BLOCK", 4)
@patch.object(table_module, "_DRAWN", 16)
def learned(group: Group, keys: np.ndarray, start: float = 0.0, after: int = 0) -> list[np.ndarray]:
    """A table of 50 rows, another of 20, and a line, after 40 steps; `after` some, this process is killed."""
    tf.keras.utils.set_random_seed(7)
    normal = tf.keras.initializers.RandomNormal(start, 0.05)
    tables = [Table(50, 3, normal, group), Table(20, 2, normal, group)]
    for table in tables:
        table.build(None)
    line = tf.Variable(tf.ones([5, 1]))
    weights = [tables[0].embeddings, line, tables[1].embeddings]
    owners = Owners(group, {tables[0]: ["first", "second"], tables[1]: ["other"]})

    def loss(batch: tuple[dict, object]) -> object:  # type: ignore[type-arg]
        codes, label = batch
        first = tables[0](codes["first"]) - 0.5 * tf.reduce_mean(tables[0](codes["second"]), 1)
        read = tf.concat([first, tables[1](codes["other"])], 1)
        return tf.reduce_mean(tf.square(read @ line + label[:, None] - 1.0))

    key = keys.astype(np.int32)
    codes = {"first": key, "second": np.stack([key // 3, key // 2], 1), "other": key % 20}
    columns = (codes, (key / 50).astype(np.float32))
    learn = Steps(loss, weights, LazyAdam(0.05), columns, group=group, owners=owners)
    held_by_all = weights if not owners else [line]
    group.check_same(held_by_all, "before the first step")
    losses = []
    for part in np.split(ORDER, 4):
        losses.append(float(learn(group.share(part))))
        if len(losses) == after:
            os.kill(os.getpid(), signal.SIGKILL)
    group.check_same(held_by_all, "at the end")
    found = [weight.numpy() for weight in weights]
    for number, place in enumerate(owners.parts(weights)):
        assert len(found[place]) < tables[number].size
        found[place] = owners.whole(number, weights[place])
    return [*found, np.array(losses)]


def main() -> None:
    rank, told, out, mode = int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), sys.argv[3], sys.argv[4]
    settings = load(var=told["var"], trainers={"wait_s": told.get("wait_s", 60.0), "timeout_s": 60.0})
    job = Job("job", "ranking", tuple(told["addresses"]), "", {}, "", 0, {"owned_rows": 10 if mode == "owned" else 0})
    try:
        group = connect(settings, job, rank)
        found = learned(
            group, np.array(told["keys"]), start=rank * (mode == "differ"), after=2 * (mode == "die" and rank == 1)
        )
    except (TrainersError, tf.errors.OpError) as error:
        print(f"{type(error).__name__}: {error}")
        raise SystemExit(2) from error
    np.savez(out, *[part for part in found if part is not None])
    os._exit(0)


if __name__ == "__main__":
    main()
