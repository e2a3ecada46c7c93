"""Whether trainers reach one another, found out before TensorFlow connects them: it waits without an end, and cannot be
interrupted."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from homefeed.address import host_and_port
from models.trainers.job import TrainersError

_POLL_S = 0.2


@contextmanager
def door(address: str) -> Iterator[None]:
    """Listen on the port of this process' own address. Raises TrainersError when that cannot be done."""
    _, port = host_and_port(address) or ("", 0)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("", port))
        except OSError as error:
            raise TrainersError(
                f"a trainer cannot listen at {address} ({error.strerror}): end what uses that port, or name another one"
            ) from error
        listening.listen()
        yield


def reach(address: str, wait_s: float, setting: str) -> None:
    """Until another trainer listens at its address.

    Raises:
      TrainersError: it does not within `wait_s`; `setting` is what names the address.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            socket.create_connection(host_and_port(address) or ("", 0), _POLL_S + 1).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise TrainersError(
                    f"{socket.gethostname()} does not reach the trainer at {address} within {wait_s:g} s ({error}): "
                    f"{setting} must name an address that every trainer reaches"
                ) from error
        time.sleep(_POLL_S)
