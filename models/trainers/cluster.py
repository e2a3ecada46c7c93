"""How the trainers of a job are connected: TensorFlow's runtime for several workers (`tf.distribute`)."""

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from homefeed.settings import Settings
from models.trainers.group import Group
from models.trainers.job import Board, Job, TrainersError, chief_address, worker_addresses

#: What TensorFlow raises on the others when a trainer dies or does not answer.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.DeadlineExceededError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
)


@contextmanager
def together(settings: Settings, window: str, versions: Mapping[str, int], start: str, steps: int) -> Iterator[Group]:
    """The chief's group of trainers for one training; alone where `trainers.workers` is empty.

    It has to be the first that TensorFlow does in the process: its runtime is made once.

    Args:
      settings: the settings tree.
      window, versions, start, steps: as of `Job`.

    Raises:
      TrainersError: an address is wrong, a worker does not come in time or cannot take part, or one is lost.
    """
    workers = worker_addresses(settings)
    if not workers:
        yield Group()
        return
    knobs = {
        "seed": settings.seed,
        "history_length": settings.features.history_length,
        "ranking": settings.ranking.model_dump(),
    }
    addresses = (chief_address(settings), *workers)
    job = Job(uuid.uuid4().hex[:12], addresses, window, dict(versions), start, steps, knobs)
    board = Board(settings)
    board.post(job)
    try:
        board.wait(job, settings.trainers.wait_s)
        yield connect(settings, job, 0)
    except _LOST as error:
        said = "; ".join(board.failures(job)) or str(error).split("\n")[0]
        raise TrainersError(
            f"a trainer of {', '.join(addresses)} was lost: {said}; see its log. When the task is run again, "
            "the training goes on from its last notes"
        ) from error
    finally:
        board.clear()


def connect(settings: Settings, job: Job, rank: int) -> Group:
    """Connect this process with the other trainers of a job. Raises TrainersError when that is not done in time."""
    spec = tf.train.ClusterSpec({"worker": list(job.addresses)})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        spec, task_type="worker", task_id=rank, rpc_layer="grpc"
    )
    made: list[Any] = []

    def make() -> None:
        try:
            made.append(tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver))
        except Exception as error:
            made.append(error)

    # TensorFlow waits for the others without an end, and cannot be told to stop.
    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    thread.join(settings.trainers.wait_s)
    if not made:
        raise TrainersError(
            f"the trainers {', '.join(job.addresses)} could not connect within {settings.trainers.wait_s:g} s: each "
            "must reach the others' addresses; HOMEFEED_TRAINERS__CHIEF sets the first"
        )
    if isinstance(made[0], Exception):
        raise TrainersError(
            f"trainer {rank} cannot be reached at {job.addresses[rank]} ({made[0]}): the port must be free, the "
            "address this machine's, and TensorFlow must not have been used in the process before"
        ) from made[0]
    return Group(rank, len(job.addresses), settings.trainers.timeout_s, made[0])
