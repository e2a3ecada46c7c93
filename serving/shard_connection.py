"""A connection to an index shard: HTTP/1.1, as much of it as the shards answer with, kept open between calls.

Every page asks each shard. `http.client` writes head and body of a request apart and reads the head of an answer as
that of an e-mail, which is more than all the rest of what a caller does for a query.
"""

import socket
import time

from serving.shard_body import WIDTH

_READ_BYTES, _MOST_HEAD_BYTES = 65_536, 16_384
_END = b"\r\n\r\n"
#: What an answer that is there already is given to be read in, when the time is over.
_LEAST_S = 0.001


class ShardConnection:
    """One request at a time: `ask`, then `answer`. It is opened by the first one.

    Args:
      host, port: of the shard.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._host = f"{host}:{port}".encode()
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can be asked once more."""
        return self._socket is not None

    def ask(self, path: str, body: bytes, until: float) -> None:
        """Write a POST, head and body at once. Raises OSError when that cannot be done until then (`perf_counter`)."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, _left_s(until))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(_left_s(until))
        head = b"POST %b HTTP/1.1\r\nhost: %b\r\ncontent-length: %d\r\n\r\n" % (path.encode(), self._host, len(body))
        self._socket.sendall(head + body)

    def answer(self, until: float) -> tuple[int, bytes, int]:
        """Status, body and width of the answer.

        Raises:
          TimeoutError: it is not there whole until then.
          ConnectionError: the shard closed the connection before.
          ValueError: it is no answer of a shard.
        """
        taken = self._receive(until)
        while _END not in taken:
            if len(taken) > _MOST_HEAD_BYTES:
                raise ValueError(f"no end of the head in {len(taken)} bytes")
            taken += self._receive(until)
        head, _, body = taken.partition(_END)
        head = head.lower()
        parts, missing = [body], int(_field(head, b"content-length")) - len(body)
        while missing > 0:
            parts.append(self._receive(until))
            missing -= len(parts[-1])
        if missing < 0 or not head.startswith(b"http/1.1 "):
            raise ValueError(f"no answer of a shard: {head[:200]!r}")
        if _field(head, b"connection") == b"close":
            self.close()
        return int(head[9:12]), b"".join(parts), int(_field(head, WIDTH.encode()) or 1)

    def close(self) -> None:
        """Close it; asking opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _receive(self, until: float) -> bytes:
        assert self._socket is not None
        self._socket.settimeout(_left_s(until))
        data = self._socket.recv(_READ_BYTES)
        if not data:
            raise ConnectionResetError("the shard closed the connection before its answer was whole")
        return data


def _field(head: bytes, name: bytes) -> bytes:
    """Value of a field of a head in small letters; empty when there is none."""
    return head.partition(b"\r\n" + name + b":")[2].partition(b"\r\n")[0].strip()


def _left_s(until: float) -> float:
    return max(until - time.perf_counter(), _LEAST_S)
