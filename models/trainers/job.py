"""One training that several processes take part in: what they have to know of it, and how they find one another.

The chief is the process that runs the training's task. It writes `job.json` into `var/trainers`, where the processes of
`homefeed trainer` look; each answers with a file of its own: `<job>.<rank>.here`, or `<job>.<rank>.failed` with why.
"""

import errno
import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from typing import Any

from homefeed.address import host_and_port
from homefeed.errors import HomefeedError
from homefeed.settings import Settings

_FILE = "job.json"
_POLL_S = 0.2


class TrainersError(HomefeedError):
    """A training on several workers cannot begin or go on; the message says which worker, and what to do."""


@dataclass(frozen=True)
class Job:
    """A training to take part in.

    Attributes:
      id: of this attempt at it.
      kind: `ranking` or `retrieval`: the model that is trained.
      addresses: of every trainer, `host:port`; that of the chief first.
      window: newest closed window.
      versions: version of each lake table that is read.
      start: id of the training that it goes on from; empty for one that starts anew.
      steps: steps that were taken before, from whose notes it goes on; 0 for none.
      knobs: `seed`, `features`, those of the model's kind and `owned_rows` of the chief's settings, which are those of
        all.
    """

    id: str
    kind: str
    addresses: tuple[str, ...]
    window: str
    versions: dict[str, int]
    start: str
    steps: int
    knobs: dict[str, Any]

    def settings(self, own: Settings) -> Settings:
        """A worker's `own` settings with what the chief's are for all."""
        groups = {name: type(getattr(own, name))(**self.knobs[name]) for name in ("features", self.kind)}
        return own.model_copy(update={"seed": self.knobs["seed"], **groups})


def worker_addresses(settings: Settings) -> tuple[str, ...]:
    """`trainers.workers` one by one. Raises TrainersError for what is no address, or one that is named twice."""
    found = [part.strip() for part in settings.trainers.workers.split(",") if part.strip()]
    for address in found:
        if host_and_port(address) is None or found.count(address) > 1:
            raise TrainersError(
                f"HOMEFEED_TRAINERS__WORKERS: {address!r} is "
                f"{'named twice' if found.count(address) > 1 else 'no host:port'}; name the address of each process "
                "of `homefeed trainer` once, with commas between"
            )
    return tuple(found)


def chief_address(settings: Settings) -> str:
    """`trainers.chief`, or this machine's name and a port that is free. Raises TrainersError when it is no address."""
    wanted = settings.trainers.chief
    if wanted:
        if host_and_port(wanted) is None:
            raise TrainersError(f"HOMEFEED_TRAINERS__CHIEF: {wanted!r} is no host:port")
        return wanted
    with socket.socket() as free:
        free.bind(("", 0))
        return f"{socket.getfqdn()}:{free.getsockname()[1]}"


class Board:
    """The folder in which trainers find one another."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.var / "trainers"

    def take(self, wait_s: float, wanted: str) -> None:
        """Make the board this process' alone until it ends: a worker takes part in one training at a time, and
        TensorFlow keeps the chief's port so long.

        Args:
          wait_s: another training may take so long.
          wanted: what this one is called in the message.

        Raises:
          TrainersError: another training still has it then.
        """
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        # Nobody closes it; the system does when the process ends, however that happens.
        lock, until = os.open(self._folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT), time.monotonic() + wait_s
        while True:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise
                if time.monotonic() > until:
                    job = self.job()
                    other = f"that of {job.kind} for window {job.window}" if job else "another one"
                    raise TrainersError(
                        f"the training of {wanted} waited {wait_s:g} s for {other}, which has the workers; when it "
                        "takes longer, raise HOMEFEED_TRAINERS__QUEUE_S"
                    ) from error
            time.sleep(_POLL_S)

    def post(self, job: Job) -> None:
        """Show a job to the workers, in place of the one before."""
        self.clear()
        self._write(_FILE, json.dumps(asdict(job)))

    def job(self) -> Job | None:
        """The job that is shown; None for none."""
        try:
            record = json.loads((self._folder / _FILE).read_text())
        except FileNotFoundError:
            return None
        return Job(**{**record, "addresses": tuple(record["addresses"])})

    def answer(self, job: Job, rank: int, failure: str = "") -> None:
        """Say that the trainer `rank` is here, or why it cannot take part."""
        self._write(f"{job.id}.{rank}.{'failed' if failure else 'here'}", failure)

    def failures(self, job: Job) -> list[str]:
        """What workers said of why they cannot take part, each with its address."""
        return [
            f"{job.addresses[rank]}: {path.read_text()}"
            for rank in range(1, len(job.addresses))
            if (path := self._folder / f"{job.id}.{rank}.failed").exists()
        ]

    def wait(self, job: Job, wait_s: float) -> None:
        """Until every worker is here.

        Raises:
          TrainersError: one is not in time, or says that it cannot take part.
        """
        until = time.monotonic() + wait_s
        while True:
            if failures := self.failures(job):
                raise TrainersError(f"a worker cannot take part in the training: {'; '.join(failures)}")
            missing = [
                address
                for rank, address in enumerate(job.addresses)
                if rank and not (self._folder / f"{job.id}.{rank}.here").exists()
            ]
            if not missing:
                return
            if time.monotonic() > until:
                raise TrainersError(
                    f"{len(missing)} of {len(job.addresses) - 1} workers did not come within {wait_s:g} s: "
                    f"{', '.join(missing)}; start `homefeed trainer {missing[0]}` on that machine with the same "
                    f"HOMEFEED_VAR (they look into {self._folder}), or take it out of HOMEFEED_TRAINERS__WORKERS"
                )
            time.sleep(_POLL_S)

    def clear(self) -> None:
        """Take the job and its answers away: the workers leave it."""
        for path in sorted(self._folder.glob("*"), key=lambda p: p.name != _FILE):
            path.unlink(missing_ok=True)

    def _write(self, name: str, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{name}.{os.getpid()}.draft"
        draft.write_text(text)
        draft.replace(self._folder / name)
