"""Trainers find out whether they reach one another, with a message when they do not."""

import socket

import pytest

from models.trainers.job import TrainersError
from models.trainers.reach import door, reach


def free_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_nobody_listens_at_a_wrong_address() -> None:
    address = free_address()
    with pytest.raises(TrainersError) as error:
        reach(address, 0.0, "HOMEFEED_TRAINERS__CHIEF")
    assert f"does not reach the trainer at {address}" in str(error.value)
    assert "HOMEFEED_TRAINERS__CHIEF must name an address that every trainer reaches" in str(error.value)


def test_a_trainer_is_reached_at_its_door_until_that_is_closed() -> None:
    address = free_address()
    with door(address):
        reach(address, 0.0, "")
    with pytest.raises(TrainersError):
        reach(address, 0.0, "")


def test_a_port_that_is_taken_is_named() -> None:
    address = free_address()
    with door(address), pytest.raises(TrainersError, match=f"cannot listen at {address}"), door(address):
        pass
