"""`homefeed trainer ADDRESS`: a worker that takes part in trainings."""

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from homefeed.settings import Settings
    from models.trainers.job import Job


def trainer(
    address: Annotated[str, typer.Argument(help="Address of this worker, as HOMEFEED_TRAINERS__WORKERS names it.")],
) -> None:
    """Wait for trainings whose settings name this address, and learn a share of every batch of each, until Ctrl-C.

    Example: homefeed trainer 10.0.0.7:7000
    """
    from homefeed.settings import load
    from models.trainers.job import TrainersError, worker_addresses
    from models.trainers.worker import wait_for_jobs

    settings, stop = load(), threading.Event()
    workers = worker_addresses(settings)
    if address not in workers:
        raise TrainersError(
            f"{address} is none of the workers that HOMEFEED_TRAINERS__WORKERS names ({', '.join(workers) or 'none'}); "
            "give every trainer and the task the same value"
        )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    typer.echo(f"waiting for trainings in {settings.var / 'trainers'}")
    wait_for_jobs(settings, address, _take_part, stop, typer.echo)


def _take_part(settings: "Settings", job: "Job", rank: int) -> None:
    # In the process of the job alone: the one that waits has no use for TensorFlow.
    from importlib import import_module

    from models.trainers.cluster import take_part

    take_part(settings, job, rank, import_module(f"models.{job.kind}.share").learn_share)
