"""Trainers find one another, or a message says who is missing."""

import multiprocessing
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from homefeed.settings import Settings, load
from homefeed.settings.features import FeatureSettings
from homefeed.settings.ranking import RankingSettings
from homefeed.settings.retrieval import RetrievalSettings
from homefeed.settings.trainers import TrainerSettings
from models.trainers.job import Board, Job, TrainersError, chief_address, worker_addresses
from models.trainers.worker import wait_for_jobs

JOB = Job(
    "j1",
    "ranking",
    ("10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"),
    "20261123T2150Z",
    {"videos": 3},
    "",
    0,
    {"seed": 1},
)


def test_no_workers_is_training_alone() -> None:
    assert worker_addresses(load()) == ()


@pytest.mark.parametrize(
    ("workers", "said"),
    [("10.0.0.2", "no host:port"), ("a:1,b:0", "'b:0' is no host:port"), ("a:1, a:1", "'a:1' is named twice")],
)
def test_what_is_no_address_is_named_with_its_setting(workers: str, said: str) -> None:
    with pytest.raises(TrainersError, match="HOMEFEED_TRAINERS__WORKERS") as error:
        worker_addresses(load(trainers=TrainerSettings(workers=workers)))
    assert said in str(error.value)


def test_the_chief_has_an_address_of_its_own() -> None:
    with pytest.raises(TrainersError, match="HOMEFEED_TRAINERS__CHIEF: 'here' is no host:port"):
        chief_address(load(trainers=TrainerSettings(chief="here")))
    assert chief_address(load(trainers=TrainerSettings(chief="here:7"))) == "here:7"
    host, port = chief_address(load()).rsplit(":", 1)
    assert host
    assert int(port) > 0


def test_a_job_is_read_as_it_was_written_and_the_newest_counts(tmp_path: Path) -> None:
    board = Board(load(var=tmp_path))
    assert board.job() is None
    board.post(Job(**{**vars(JOB), "id": "j0"}))
    board.post(JOB)
    assert board.job() == JOB
    board.clear()
    assert board.job() is None


def test_a_worker_that_never_comes_is_named_with_what_to_start(tmp_path: Path) -> None:
    board = Board(load(var=tmp_path))
    board.post(JOB)
    board.answer(JOB, 1)
    with pytest.raises(TrainersError) as error:
        board.wait(JOB, 0.01)
    assert "1 of 2 workers did not come within 0.01 s: 10.0.0.3:7000" in str(error.value)
    assert "start `homefeed trainer 10.0.0.3:7000`" in str(error.value)
    board.answer(JOB, 2)
    board.wait(JOB, 0.01)


def test_what_a_worker_says_ends_the_waiting(tmp_path: Path) -> None:
    board = Board(load(var=tmp_path))
    board.post(JOB)
    board.answer(JOB, 2, "no space left")
    with pytest.raises(TrainersError, match="cannot take part in the training: 10.0.0.3:7000: no space left"):
        board.wait(JOB, 60)


@pytest.mark.parametrize("kind", ["ranking", "retrieval"])
def test_a_worker_learns_with_the_chief_s_settings_of_the_job_s_kind(kind: str) -> None:
    chief = load(
        seed=7,
        features=FeatureSettings(min_watch_s=3.0),
        ranking=RankingSettings(batch_size=77),
        retrieval=RetrievalSettings(batch_size=88),
    )
    own = load(retrieval=RetrievalSettings(batch_size=5), ranking=RankingSettings(batch_size=6))
    knobs = {name: getattr(chief, name).model_dump() for name in ("features", kind)} | {"seed": chief.seed}
    told = Job(**{**vars(JOB), "kind": kind, "knobs": knobs}).settings(own)
    assert (told.seed, told.features, getattr(told, kind)) == (7, chief.features, getattr(chief, kind))
    other = {"ranking": "retrieval", "retrieval": "ranking"}[kind]
    assert getattr(told, other) == getattr(own, other)


def takes_the_board(settings: Settings, pipe: Connection) -> None:
    """A chief that has the workers until it is killed."""
    board = Board(settings)
    board.take(60.0, "")
    board.post(JOB)
    pipe.send("taken")
    threading.Event().wait()


def test_the_second_chief_waits_for_the_first_and_then_says_for_which(tmp_path: Path) -> None:
    settings, spawn = load(var=tmp_path), multiprocessing.get_context("spawn")
    pipe, other = spawn.Pipe()
    first = spawn.Process(target=takes_the_board, args=(settings, other), daemon=True)
    first.start()
    try:
        assert pipe.recv() == "taken"
        with pytest.raises(TrainersError) as error:
            Board(settings).take(0.5, "retrieval for window W")
        assert "the training of retrieval for window W waited 0.5 s for that of ranking" in str(error.value)
        assert "HOMEFEED_TRAINERS__QUEUE_S" in str(error.value)
        threading.Timer(0.5, first.kill).start()
        Board(settings).take(60.0, "retrieval for window W")
    finally:
        first.kill()
        first.join()


def fails(settings: object, job: Job, rank: int) -> None:
    """A part that a worker cannot take."""
    raise TrainersError(f"trainer {rank} of window {job.window}: no such lake")


def test_a_worker_takes_part_in_jobs_that_name_it_and_says_why_it_cannot(tmp_path: Path) -> None:
    settings = load(var=tmp_path, trainers=TrainerSettings(poll_s=0.05))
    board, stop, said = Board(settings), threading.Event(), []
    waiting = threading.Thread(target=wait_for_jobs, args=(settings, JOB.addresses[1], fails, stop, said.append))
    waiting.start()
    try:
        board.post(Job(**{**vars(JOB), "id": "other", "addresses": ("a:1", "b:1")}))
        with pytest.raises(TrainersError, match="did not come"):
            board.wait(Job(**{**vars(JOB), "id": "other", "addresses": ("a:1", "b:1")}), 0.5)
        board.post(JOB)
        with pytest.raises(TrainersError, match="trainer 1 of window 20261123T2150Z: no such lake"):
            board.wait(JOB, 60)
    finally:
        stop.set()
        waiting.join()
    assert said[0].startswith("job j1: trainer 1 of 3, ranking, window")
