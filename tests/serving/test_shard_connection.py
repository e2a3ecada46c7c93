"""A connection to a shard: how answers may come in, and what is none."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from serving.shard_connection import ShardConnection

HEAD = b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 5\r\nX-Width: 7\r\n\r\n"


@contextmanager
def shard(*answers, requests=None):
    """Answers the requests of one connection, each with pieces that arrive apart; then closes it."""
    taken = [] if requests is None else requests

    def serve():
        connection, _ = listening.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pieces in answers:
                taken.append(connection.recv(65_536))
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        connection = ShardConnection("127.0.0.1", listening.getsockname()[1])
        try:
            yield connection
        finally:
            connection.close()
            thread.join()


def asked(connection, seconds=20.0):
    until = time.perf_counter() + seconds
    connection.ask("/take?release=r1", b"12345678", until)
    return connection.answer(until)


def test_an_answer_is_the_same_however_it_comes_in_and_the_connection_is_kept():
    pieces = [
        [HEAD + b"abcde"],
        [HEAD, b"abcde"],
        [HEAD[:30], HEAD[30:-1], b"\nab", b"cde"],
        [HEAD + b"ab", b"c", b"de"],
    ]
    requests: list[bytes] = []
    with shard(*pieces, requests=requests) as connection:
        assert not connection.is_open
        assert [asked(connection) for _ in pieces] == [(200, b"abcde", 7)] * 4
        assert connection.is_open
    assert set(requests) == {
        b"POST /take?release=r1 HTTP/1.1\r\nhost: %b\r\ncontent-length: 8\r\n\r\n12345678" % connection._host
    }


def test_status_and_width_are_told_and_a_connection_that_is_to_be_closed_is():
    with shard([b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nConnection: close\r\n\r\n"]) as connection:
        assert asked(connection) == (404, b"", 1)
        assert not connection.is_open


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD + b"abcdefg"],
        [b"HTTP/1.1 200 OK\r\n\r\nabcde"],
        [b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nabcde"],
        [b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nabcde"],
        [b"HTTP/1.1 200 OK\r\n" + 20_000 * b"x"],
    ],
)
def test_what_is_no_answer_of_a_shard(pieces):
    with shard(pieces) as connection, pytest.raises(ValueError, match="answer|head|invalid literal"):
        asked(connection)


@pytest.mark.parametrize("pieces", [[], [HEAD[:20]], [HEAD + b"abc"]])
def test_a_shard_that_closes_too_early(pieces):
    with shard(pieces) as connection, pytest.raises(ConnectionResetError, match="before its answer was whole"):
        asked(connection)


def test_a_shard_that_is_late_or_does_not_listen():
    with shard([HEAD, b"abc"], [b""]) as connection, pytest.raises(TimeoutError):
        # Closes only after the next request, which does not come while this one is waited for.
        asked(connection, 0.2)
    with socket.create_server(("127.0.0.1", 0)) as none:
        port = none.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        asked(ShardConnection("127.0.0.1", port))
