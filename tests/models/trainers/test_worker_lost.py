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

    def __init__(self, site: Settings, folder: Path, kind: str, owned_rows: int) -> None:
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
                        "min_steps": 150,
                        "min_training_steps": 150,
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
                    owned_rows=owned_rows,
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
            child.kill()
            child.wait()
            child.stdout.close()
        self._log.close()


@pytest.fixture
def two(site: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, int], Processes]]:
    made: list[Processes] = []

    def make(kind: str, owned_rows: int) -> Processes:
        made.append(Processes(site, tmp_path_factory.mktemp("two"), kind, owned_rows))
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
    worker.send_signal(signal.SIGKILL)
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


#: Whole tables, and all divided: most videos of the site are too rare for a row of their own.
@pytest.mark.parametrize("owned_rows", [0, 2])
def test_killed_in_the_middle_the_ranker_goes_on_and_comes_to_the_same_weights(
    two: Callable[[str, int], Processes], owned_rows: int
) -> None:
    calm = two("ranking", owned_rows)
    calm.worker()
    ended(calm.task(), calm)
    expected = calm.weights()
    calm.stop()
    killed = two("ranking", owned_rows)
    kill_in_the_middle(killed)
    for name, one in killed.weights().items():
        np.testing.assert_allclose(one, expected[name], atol=2e-6)


def test_killed_in_the_middle_the_retriever_goes_on_and_comes_to_the_weights_of_one_alone(
    two: Callable[[str, int], Processes],
) -> None:
    """Which is trained in this process, without workers."""
    alone, killed = two("retrieval", 0), two("retrieval", 0)
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
