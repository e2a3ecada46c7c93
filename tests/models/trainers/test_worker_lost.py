"""A model trained by two: `homefeed trainer` takes part; killed in the middle, the training goes on when it is run
again, and comes to the same weights."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import small_site

from homefeed.cli.supervisor.preflight import free_port
from homefeed.settings import Settings
from homefeed.settings.environment import environment
from homefeed.settings.trainers import TrainerSettings
from models.checkpoint import FILE
from models.retrieval.train import train_retrieval
from models.training import Training, read_training

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
TASK = (
    "import sys; from homefeed.cli import main; from homefeed.settings import load; "
    "from homefeed.errors import HomefeedError; from importlib import import_module\n"
    "train = getattr(import_module(f'models.{sys.argv[1]}.train'), f'train_{sys.argv[1]}')\n"
    "try: train(load(), sys.argv[2])\n"
    "except HomefeedError as error: print(error); raise SystemExit(2)"
)


class Processes:
    """The task of a training and its worker."""

    def __init__(self, site: Settings, folder: Path, kind: str) -> None:
        for part in site.var.iterdir():
            if part.name not in ("models", "trainers"):
                (folder / part.name).symlink_to(part)
        self.kind, self.address = kind, f"127.0.0.1:{free_port()}"
        self.settings = site.model_copy(
            update={
                "var": folder,
                "ranking": site.ranking.model_copy(
                    update={
                        "max_epochs": 1,
                        "min_steps": 300,
                        "min_training_steps": 300,
                        "max_train_rows": 5_000,
                        "max_tree_rows": 500,
                        "max_eval_rows": 500,
                    }
                ),
                "retrieval": site.retrieval.model_copy(
                    update={
                        "max_epochs": 1,
                        "batch_size": 168,
                        "history_length": 6,
                        "exact_softmax_below": 0,
                        "dropout": 0.0,
                        "id_dropout": 0.0,
                    }
                ),
                "trainers": TrainerSettings(
                    workers=self.address,
                    chief=f"127.0.0.1:{free_port()}",
                    wait_s=300,
                    poll_s=0.2,
                    checkpoint_steps=10,
                ),
            }
        )
        self._children: list[subprocess.Popen[str]] = []
        self._log = (folder / "log").open("w")

    def start(self, *command: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, *command],
            env=os.environ | environment(self.settings) | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )
        self._children.append(child)
        return child

    def task(self) -> subprocess.Popen[str]:
        return self.start("-c", TASK, self.kind, small_site.LAST)

    def worker(self) -> subprocess.Popen[str]:
        return self.start("-c", "from homefeed.cli import main; main()", "trainer", self.address)

    def training(self) -> Training:
        """The one training that is there."""
        (path,) = (self.settings.models_path / self.kind).iterdir()
        return read_training(path)

    def weights(self) -> dict[str, np.ndarray]:
        with np.load(self.training().path / FILE) as saved:
            return {name: saved[name] for name in saved.files}

    def stop(self) -> None:
        for child in self._children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            child.stdout.close()
        self._log.close()


@pytest.fixture
def two(site: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Processes]]:
    made: list[Processes] = []

    def make(kind: str) -> Processes:
        made.append(Processes(site, tmp_path_factory.mktemp("two"), kind))
        return made[-1]

    yield make
    for processes in made:
        processes.stop()


def ended(task: subprocess.Popen[str], processes: Processes) -> None:
    """A task that has come to its end."""
    said, _ = task.communicate(timeout=900)
    assert task.returncode == 0, said + (processes.settings.var / "log").read_text()[-2000:]


def until(what: Callable[[], object], child: subprocess.Popen[str]) -> None:
    for _ in range(45_000):
        if what():
            return
        assert child.poll() is None, child.communicate()[0]
        time.sleep(0.02)
    raise AssertionError("it did not come")


def kill_in_the_middle(killed: Processes) -> None:
    """A training whose worker is killed, and which is run again."""
    worker = killed.worker()
    notes = killed.settings.models_path / killed.kind / f"{small_site.LAST}.progress" / "progress.npz"
    task = killed.task()
    until(notes.exists, task)
    # With the process of the job, which would see only within a second that its parent is gone.
    os.killpg(worker.pid, signal.SIGKILL)
    said, _ = task.communicate(timeout=900)
    assert task.returncode == 2
    assert "was lost" in said
    assert "goes on from its last notes" in said
    assert notes.exists()
    killed.worker()
    ended(killed.task(), killed)
    assert not notes.exists()
    assert not list((killed.settings.var / "trainers").iterdir())
    assert killed.training().window == small_site.LAST


def test_killed_in_the_middle_the_ranker_goes_on_and_comes_to_the_same_weights(
    two: Callable[[str], Processes],
) -> None:
    """With whole tables; `test_owners` has the same with divided ones."""
    calm = two("ranking")
    calm.worker()
    ended(calm.task(), calm)
    expected = calm.weights()
    calm.stop()
    killed = two("ranking")
    kill_in_the_middle(killed)
    for name, one in killed.weights().items():
        np.testing.assert_allclose(one, expected[name], atol=2e-6)


def test_killed_in_the_middle_the_retriever_goes_on_and_comes_to_the_weights_of_one_alone(
    two: Callable[[str], Processes],
) -> None:
    """Which is trained in this process, without workers."""
    alone, killed = two("retrieval"), two("retrieval")
    train_retrieval(alone.settings.model_copy(update={"trainers": TrainerSettings()}), small_site.LAST)
    kill_in_the_middle(killed)
    for name in ("losses", "validations"):
        np.testing.assert_allclose(
            killed.training().metrics[name],
            alone.training().metrics[name],
            rtol=0.002 if name == "validations" else 1e-5,
        )
    expected, found = alone.weights(), killed.weights()
    assert list(found) == list(expected)
    # Adam makes steps of what is left of a slope that rounding alone keeps from being zero.
    differences = np.concatenate([np.abs(one - expected[name]).ravel() for name, one in found.items()])
    assert np.quantile(differences, 0.999) < 1e-5


#: A worker with the process of a job, which writes down its number.
WORKER = """
import os, sys, threading, time
from pathlib import Path
from models.trainers.worker import _leave_with
worker = os.getpid()
if not os.fork():
    threading.Thread(target=_leave_with, args=(worker,), daemon=True).start()
    Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(120)
"""


def test_the_process_of_a_job_ends_when_its_worker_is_killed(tmp_path: Path) -> None:
    """It would keep the worker's port."""
    written = tmp_path / "pid"
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(written)], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ) as worker:
        until(lambda: written.exists() and written.read_text(), worker)
        process = psutil.Process(int(written.read_text()))
        worker.kill()
    for _ in range(500):
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    process.kill()
    raise AssertionError("it is still there")
