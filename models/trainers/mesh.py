"""Connections between each two trainers, by which a step sends rows of divided tables, and vectors of the towers.

They are plain sockets: a message has any length, where TensorFlow's collectives have to know it before, and takes less
processor time (`docs/adr/0035-owners-of-rows.md`).
"""

import selectors
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed.address import host_and_port
from models.trainers.job import TrainersError


class Mesh:
    """One trainer's connections with all others."""

    def __init__(self, peers: Sequence[socket.socket], timeout_s: float) -> None:
        """`peers` are the others in the order of their ranks; an exchange fails after `timeout_s` without a byte."""
        self._peers, self._timeout_s = list(peers), timeout_s
        for peer in self._peers:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.setblocking(False)

    def __bool__(self) -> bool:
        """Whether there are others to connect with."""
        return bool(self._peers)

    def close(self) -> None:
        """End the connections."""
        for peer in self._peers:
            peer.close()

    def swap(self, parts: Sequence[Sequence[Any]], kind: Any) -> list[list[Any]]:
        """In a graph: to each other trainer its parts, vectors of one type; what each has for this one, as many vectors
        of that type. All trainers swap in the same order.

        Raises:
          UnknownError: when the graph runs, and another trainer is gone or silent.
        """
        flat = [part for each in parts for part in each]
        found = tf.numpy_function(self._swapped, flat, [kind] * len(flat))
        vectors = [tf.ensure_shape(one, [None]) for one in (found if isinstance(found, list) else [found])]
        num = len(parts[0])
        return [vectors[first : first + num] for first in range(0, len(flat), num)]

    def _swapped(self, *flat: NDArray[Any]) -> list[NDArray[Any]]:
        num = len(flat) // len(self._peers)
        messages = [_Message(flat[first : first + num]) for first in range(0, len(flat), num)]
        with selectors.DefaultSelector() as ready:
            for peer, message in zip(self._peers, messages, strict=True):
                ready.register(peer, selectors.EVENT_READ | selectors.EVENT_WRITE, message)
            while ready.get_map():
                events = ready.select(self._timeout_s)
                if not events:
                    raise TimeoutError(f"another trainer said nothing for {self._timeout_s:g} s")
                for key, mask in events:
                    key.data.go_on(key.fileobj, mask)
                    if wants := key.data.wants():
                        ready.modify(key.fileobj, wants, key.data)
                    else:
                        ready.unregister(key.fileobj)
        return [array for message in messages for array in message.received]


class _Message:
    """Arrays on their way to a trainer, and as many from it: their lengths first, then one after the other."""

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        self._kind = arrays[0].dtype
        lengths = struct.pack(f"<{len(arrays)}Q", *(len(array) for array in arrays))
        self._sending = [memoryview(lengths), *_bytes(arrays)]
        self._lengths = bytearray(len(lengths))
        self._receiving = [memoryview(self._lengths)]
        self.received: list[NDArray[Any]] = []

    def wants(self) -> int:
        """Whether it is to be sent, received, or both; 0 when it is over."""
        return (selectors.EVENT_WRITE if self._sending else 0) | (selectors.EVENT_READ if self._receiving else 0)

    def go_on(self, peer: socket.socket, mask: int) -> None:
        """Send and receive what goes without waiting."""
        if mask & selectors.EVENT_WRITE and self._sending:
            _moved(self._sending, peer.send(self._sending[0]))
        if mask & selectors.EVENT_READ and self._receiving:
            num = peer.recv_into(self._receiving[0])
            if not num:
                raise ConnectionError("another trainer is gone")
            _moved(self._receiving, num)
            if not self._receiving and not self.received:
                lengths = struct.unpack(f"<{len(self._lengths) // 8}Q", self._lengths)
                self.received = [np.empty(length, self._kind) for length in lengths]
                self._receiving = _bytes(self.received)


def _bytes(arrays: Sequence[NDArray[Any]]) -> list[memoryview]:
    return [array.view(np.uint8).data for array in arrays if array.size]


def _moved(waiting: list[memoryview], num: int) -> None:
    """Take `num` bytes off the first of what is waiting."""
    waiting[0] = waiting[0][num:]
    if not len(waiting[0]):
        del waiting[0]


def mesh(
    addresses: Sequence[str], rank: int, told: Callable[[float], Sequence[float]], wait_s: float, timeout_s: float
) -> Mesh:
    """Connect with the other trainers of a job.

    Args:
      addresses: of all, of which the hosts count.
      rank: of this one.
      told: tells the others a number of this one -> those of all.
      wait_s: the others have so long to come.
      timeout_s: as of `Mesh`.

    Raises:
      TrainersError: another one is not reached.
    """
    hosts = [(host_and_port(address) or ("", 0))[0] for address in addresses]
    found: dict[int, socket.socket] = {}
    with socket.create_server(("", 0), backlog=len(addresses)) as door:
        door.settimeout(wait_s)
        ports = [int(port) for port in told(door.getsockname()[1])]
        try:
            for other in range(rank):
                found[other] = socket.create_connection((hosts[other], ports[other]), wait_s)
                found[other].sendall(struct.pack("<Q", rank))
            while len(found) < len(addresses) - 1:
                peer, _ = door.accept()
                peer.settimeout(wait_s)
                found[struct.unpack("<Q", peer.recv(8, socket.MSG_WAITALL))[0]] = peer
        except (OSError, struct.error) as error:
            Mesh(list(found.values()), timeout_s).close()
            raise TrainersError(
                f"trainer {rank} of {', '.join(addresses)} does not reach another one at a free port ({error}): "
                "trainers of the retriever, or of divided tables, have to reach each other at any port"
            ) from error
    return Mesh([found[other] for other in sorted(found)], timeout_s)
