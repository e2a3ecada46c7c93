"""How the trainers of a job are connected: TensorFlow's runtime for several workers (`tf.distribute`)."""

import faulthandler
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

import tensorflow as tf

from homefeed.settings import Settings
from models.trainers.group import Group
from models.trainers.job import Board, Job, TrainersError, chief_address, worker_addresses
from models.trainers.mesh import mesh
from models.trainers.reach import door, reach

#: What TensorFlow raises on the others when a trainer dies or does not answer.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.DeadlineExceededError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
    # Of a connection of `models.trainers.mesh`.
    tf.errors.UnknownError,
)


#: The chief listens before it shows the job.
_REACH_S = 5.0


@contextmanager
def together(
    settings: Settings, kind: str, window: str, versions: Mapping[str, int], start: str, steps: int
) -> Iterator[Group]:
    """The chief's group of trainers for one training; alone where `trainers.workers` is empty.

    It has to be the first that TensorFlow does in the process: its runtime is made once.

    Args:
      settings: the settings tree.
      kind, window, versions, start, steps: as of `Job`.

    Raises:
      TrainersError: an address is wrong, another training has the workers, one of them does not come in time or cannot
        take part, or one is lost.
    """
    workers = worker_addresses(settings)
    if not workers:
        yield Group()
        return
    knobs = {
        "seed": settings.seed,
        "features": settings.features.model_dump(),
        kind: getattr(settings, kind).model_dump(),
        # The towers are whole in each trainer.
        "owned_rows": settings.trainers.owned_rows if kind == "ranking" else 0,
    }
    board = Board(settings)
    board.take(settings.trainers.queue_s, f"{kind} for window {window}")
    addresses = (chief_address(settings), *workers)
    job = Job(uuid.uuid4().hex[:12], kind, addresses, window, dict(versions), start, steps, knobs)
    try:
        with door(addresses[0]):
            board.post(job)
            board.wait(job, settings.trainers.wait_s)
        for address in workers:
            reach(address, settings.trainers.wait_s, "HOMEFEED_TRAINERS__WORKERS")
        with closing(connect(settings, job, 0)) as group:
            yield group
    except _LOST as error:
        said = "; ".join(board.failures(job)) or str(error).split("\n")[0]
        raise TrainersError(
            f"a trainer of {', '.join(addresses)} was lost: {said}; see its log. When the task is run again, "
            "the training goes on from its last notes"
        ) from error
    finally:
        board.clear()


def take_part(settings: Settings, job: Job, rank: int, learn_share: Callable[[Settings, Job, Group], None]) -> None:
    """Take part in a job as the trainer `rank`; it has to be the first that TensorFlow does in the process.

    Args:
      settings: the settings tree of this worker.
      job: that names it.
      rank: of this trainer.
      learn_share: learns its part with the settings of the chief, as `models.ranking.share` and
        `models.retrieval.share` do.

    Raises:
      TrainersError: the others cannot be reached, one is lost, or what this one reads is not what they read.
    """
    with door(job.addresses[rank]):
        reach(job.addresses[0], _REACH_S, "HOMEFEED_TRAINERS__CHIEF")
    Board(settings).answer(job, rank)
    learn_share(job.settings(settings), job, connect(settings, job, rank))


def connect(settings: Settings, job: Job, rank: int) -> Group:
    """Connect this process with the other trainers of a job.

    TensorFlow waits for them without an end and holds the interpreter meanwhile: after `trainers.wait_s` the process is
    ended with a traceback. `models.trainers.reach` finds out before what may be wrong.

    Raises:
      TrainersError: TensorFlow refuses.
    """
    spec = tf.train.ClusterSpec({"worker": list(job.addresses)})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        spec, task_type="worker", task_id=rank, rpc_layer="grpc"
    )
    faulthandler.dump_traceback_later(settings.trainers.wait_s, exit=True, file=2)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except (RuntimeError, tf.errors.OpError) as error:
        raise TrainersError(
            f"TensorFlow does not connect trainer {rank} of {', '.join(job.addresses)} ({error}); it must not have "
            "been used in the process before"
        ) from error
    finally:
        faulthandler.cancel_dump_traceback_later()
    timeout_s = settings.trainers.timeout_s
    group = Group(rank, len(job.addresses), timeout_s, strategy)
    owned_rows = job.knobs.get("owned_rows", 0)
    if owned_rows or job.kind == "retrieval":
        group.join(mesh(job.addresses, rank, group.told, settings.trainers.wait_s, timeout_s), owned_rows)
    return group
