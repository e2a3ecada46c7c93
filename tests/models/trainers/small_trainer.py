"""One of several trainers of a table and a line, as a process of its own: `python small_trainer.py RANK JOB OUT MODE`.

JOB is a JSON file with `addresses`, `var` and `keys`; the weights are written to OUT. MODE `differ` starts each trainer
with weights of its own, `die` kills the second one after its first batches.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import models  # noqa: F401
from homefeed.settings import load
from models import steps
from models.optimizer import LazyAdam
from models.steps import Steps
from models.trainers import group as group_module
from models.trainers.cluster import connect
from models.trainers.group import Group
from models.trainers.job import Job, TrainersError

#: Steps of six rows each, of which three trainers learn two, and two three.
ORDER = np.random.default_rng(3).permutation(240).reshape(40, 6)


def learned(group: Group, keys: np.ndarray, start: float = 0.0, after: int = 0) -> list[np.ndarray]:
    """A table of 50 rows, another of 20, and a line, after 40 steps; `after` some, this process is killed."""
    # Every table goes by rows, and their number shows in the length of what is sent.
    steps._WHOLE_ROWS, group_module._BLOCK = 0, 4
    tables = [tf.Variable(tf.zeros([50, 3]) + start), tf.Variable(tf.zeros([20, 2]))]
    line = tf.Variable(tf.ones([5, 1]))
    weights = [tables[0], line, tables[1]]

    def loss(key: object) -> object:
        read = tf.concat([tf.gather(tables[0], key), tf.gather(tables[1], key % 20)], 1)
        return tf.reduce_mean(tf.square(read @ line + tf.cast(key, tf.float32)[:, None] / 50 - 1.0))

    learn = Steps(loss, weights, LazyAdam(0.05), keys, group=group)
    group.check_same(weights, "before the first step")
    losses = []
    for part in np.split(ORDER, 4):
        losses.append(float(learn(group.share(part))))
        if len(losses) == after:
            os.kill(os.getpid(), signal.SIGKILL)
    group.check_same(weights, "at the end")
    return [weight.numpy() for weight in weights] + [np.array(losses)]


def main() -> None:
    rank, told, out, mode = int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), sys.argv[3], sys.argv[4]
    settings = load(var=told["var"], trainers={"wait_s": told.get("wait_s", 60.0), "timeout_s": 60.0})
    job = Job("job", tuple(told["addresses"]), "", {}, "", 0, {})
    try:
        group = connect(settings, job, rank)
        found = learned(
            group, np.array(told["keys"]), start=rank * (mode == "differ"), after=2 * (mode == "die" and rank == 1)
        )
    except (TrainersError, tf.errors.OpError) as error:
        print(f"{type(error).__name__}: {error}")
        raise SystemExit(2) from error
    np.savez(out, *found)
    os._exit(0)


if __name__ == "__main__":
    main()
