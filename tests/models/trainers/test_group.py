"""Trainers that learn together learn what one alone learns."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import small_trainer

from homefeed.cli.supervisor.preflight import free_port
from models.trainers.group import Group

tf = importlib.import_module("tensorflow")
KEYS = np.random.default_rng(5).integers(0, 7, 240) ** 2


class Pair:
    """Two trainers as processes."""

    def __init__(self, folder: Path, mode: str, addresses: list[str] | None = None) -> None:
        self._folder = folder
        told = {"addresses": addresses or [f"127.0.0.1:{free_port()}" for _ in range(2)], "var": str(folder)}
        (folder / "job.json").write_text(json.dumps(told | {"keys": KEYS.tolist()}))
        self._children = [
            subprocess.Popen(
                [sys.executable, small_trainer.__file__, str(rank), "job.json", f"{rank}.npz", mode],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for rank in range(2)
        ]

    def ended(self) -> list[tuple[int, str]]:
        """Exit code and output of each."""
        try:
            said = [child.communicate(timeout=120)[0] for child in self._children]
            return [(child.returncode, text) for child, text in zip(self._children, said, strict=True)]
        finally:
            for child in self._children:
                child.kill()

    def weights(self, rank: int) -> list[np.ndarray]:
        with np.load(self._folder / f"{rank}.npz") as found:
            return [found[name] for name in found.files]


def test_one_alone_exchanges_nothing_and_learns_whole_batches() -> None:
    slope = tf.ones([2])
    loss, slopes = Group().total(tf.constant(3.0), [slope])
    assert float(loss) == 3
    assert slopes[0] is slope
    np.testing.assert_array_equal(Group().share(small_trainer.ORDER), small_trainer.ORDER)


def test_every_row_of_a_batch_is_one_trainer_s() -> None:
    parts = [Group(rank, 3).share(np.arange(12).reshape(2, 6)) for rank in range(3)]
    assert [part[0].tolist() for part in parts] == [[0, 3], [1, 4], [2, 5]]


def test_two_learn_what_one_learns_from_the_same_batches_and_have_the_same_bits(tmp_path: Path) -> None:
    pair = Pair(tmp_path, "learn")
    assert [code for code, _ in pair.ended()] == [0, 0]
    alone = small_trainer.learned(Group(), KEYS)
    for one, first, second in zip(alone, pair.weights(0), pair.weights(1), strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, one, atol=2e-5)
    assert alone[-1][-1] < 0.5 * alone[-1][0]


def test_trainers_whose_weights_differ_do_not_begin(tmp_path: Path) -> None:
    for code, said in Pair(tmp_path, "differ").ended():
        assert code == 2
        assert "before the first step the weights of trainer" in said


def test_one_that_is_killed_ends_the_other_s_step_at_once(tmp_path: Path) -> None:
    (code, said), (killed, _) = Pair(tmp_path, "die").ended()
    assert killed == -9
    assert code == 2
    assert "UnavailableError" in said or "AbortedError" in said
