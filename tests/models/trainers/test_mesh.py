"""Trainers send each other arrays of any length, and find out when one is gone."""

import importlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest

from models.trainers.job import TrainersError
from models.trainers.mesh import Mesh, mesh

tf = importlib.import_module("tensorflow")


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        one = socket.create_connection(door.getsockname())
        return one, door.accept()[0]


def test_arrays_of_any_length_arrive_more_than_a_connection_holds() -> None:
    """Both send before either has received: 40 MB, and none."""
    one, other = tcp_pair()
    with one, other, ThreadPoolExecutor() as threads:
        long, short = np.arange(10_000_000, dtype=np.float32), np.array([7.0, 8.0], np.float32)
        none = np.zeros(0, np.float32)
        first = threads.submit(Mesh([one], 10.0).swap, [[tf.constant(long), tf.constant(none)]], tf.float32)
        second = threads.submit(Mesh([other], 10.0).swap, [[tf.constant(short), tf.constant(long)]], tf.float32)
        for found, sent in ((first, (short, long)), (second, (long, none))):
            ((left, right),) = found.result()
            np.testing.assert_array_equal(left, sent[0])
            np.testing.assert_array_equal(right, sent[1])


def test_three_find_each_other_and_each_gets_what_is_for_it() -> None:
    ports = np.zeros(3)
    all_there = threading.Barrier(3)

    def trainer(rank: int) -> list[int]:
        def told(port: float) -> list[float]:
            ports[rank] = port
            all_there.wait(10)
            return ports.tolist()

        others = [other for other in range(3) if other != rank]
        with closing(mesh(["127.0.0.1:1"] * 3, rank, told, 10.0, 10.0)) as own:
            found = own.swap([[tf.constant([10 * rank + other])] for other in others], tf.int32)
        return [int(vector[0]) for (vector,) in found]

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(trainer, range(3))) == [[10, 20], [1, 21], [2, 12]]


@pytest.mark.parametrize(
    ("is_gone", "said"), [(True, "another trainer is gone|reset"), (False, "said nothing for 0.1 s")]
)
def test_one_that_is_gone_or_silent_ends_the_exchange(is_gone: bool, said: str) -> None:
    one, other = tcp_pair()
    with one, other:
        if is_gone:
            other.close()
        with pytest.raises(tf.errors.UnknownError, match=said):
            tf.function(lambda: Mesh([one], 0.1).swap([[tf.constant([1.0])]], tf.float32))()


def test_a_trainer_that_is_not_reached_is_an_error_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    with pytest.raises(TrainersError, match="have to reach each other at any port"):
        mesh(["127.0.0.1:1", "127.0.0.1:2"], 1, lambda port: [closed, port], 1.0, 1.0)
