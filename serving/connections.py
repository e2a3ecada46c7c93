"""Connections of callers: kept longer than a balancer keeps them, and an answer's head and body leave in one write.

uvicorn writes them one after the other, and the first write wakes who waits for it. A process killed between the two
has answered, as far as a balancer knows, so the request is not given to another replica (`serving.haproxy`).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

# Longer than whoever keeps connections to us: one that we close is one that a request may already be on.
KEEP_ALIVE_S = 75


class OneWriteProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's HTTP protocol over a `JoinedWrites`: given to `uvicorn.Config(http=...)`."""

    def connection_made(self, transport: Any) -> None:
        """Take a connection."""
        super().connection_made(JoinedWrites(transport))


class JoinedWrites:
    """A transport whose writes of one turn of the loop are one write.

    Args:
      transport: the connection's own; everything but writing and closing is left to it.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write at the end of this turn, after what was to be written before."""
        if not self._parts:
            asyncio.get_running_loop().call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Write what is left and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            self._transport.write(b"".join(parts))
