"""A worker of trainings: it waits for jobs that name its address, and takes part in each by a process of its own."""

import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable

from homefeed.settings import Settings
from models.trainers.job import Board, Job, TrainersError

_LOOK_S = 1.0
#: What a process does that takes part: `models.trainers.cluster.take_part`.
Part = Callable[[Settings, Job, int], None]


def wait_for_jobs(
    settings: Settings, address: str, part: Part, stop: threading.Event, say: Callable[[str], None]
) -> None:
    """Take part in every job that names `address`, until `stop`.

    A process takes part, since TensorFlow's runtime can be connected once in each; it is ended when the chief takes the
    job away or shows another one.

    Args:
      settings: the settings tree.
      address: of this worker, as `trainers.workers` names it.
      part: takes part in a job; a function that a new process can import.
      stop: ends the waiting.
      say: told what happens.
    """
    board, processes = Board(settings), multiprocessing.get_context("spawn")
    job: Job | None = None
    process: multiprocessing.process.BaseProcess | None = None
    while not stop.wait(settings.trainers.poll_s):
        shown = board.job()
        if job and (shown is None or shown.id != job.id):
            _end(process)
            say(f"job {job.id} is over")
            job = process = None
        if shown and job is None and address in shown.addresses[1:]:
            job, rank = shown, shown.addresses.index(address)
            say(f"job {job.id}: trainer {rank} of {len(job.addresses)}, {job.kind}, window {job.window}")
            process = processes.Process(target=_taking_part, args=(part, settings, job, rank), daemon=True)
            process.start()
        elif job and process and not process.is_alive():
            say(f"job {job.id}: its process ended with code {process.exitcode}")
            if not board.failures(job):
                board.answer(job, job.addresses.index(address), f"its process ended with code {process.exitcode}")
            process = None
    _end(process)


def _end(process: multiprocessing.process.BaseProcess | None) -> None:
    if process:
        process.kill()
        process.join()


def _taking_part(part: Part, settings: Settings, job: Job, rank: int) -> None:
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    try:
        part(settings, job, rank)
    except Exception as error:
        if not isinstance(error, TrainersError):
            traceback.print_exc()
        Board(settings).answer(job, rank, f"{type(error).__name__}: {error}".split("\n")[0])
        raise SystemExit(1) from error
    # The others would take it for dead if it went: it stays until the chief takes the job away.
    threading.Event().wait()


def _leave_with(parent: int) -> None:
    """End this process when the worker is killed: it would keep the worker's port."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)
