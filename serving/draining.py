"""A service that is asked to stop says so first: not ready for a while, and answering as ever meanwhile.

A balancer that looks at `/readyz` sends it no new request by then, so none finds a closed door. The same in Kubernetes,
whose endpoints learn of a pod's end no sooner than the pod does.
"""

import threading
from collections.abc import Callable
from typing import Any

from serving.guard import Receive, Scope, Send

_BODY = b'{"error": "this replica is stopping"}'


class Draining:
    """ASGI application around the service that answers `/readyz` with 503 once it is told to stop.

    Args:
      app: the service.
      drain_s: seconds from the request to stop until the service begins to.
    """

    def __init__(self, app: Any, drain_s: float) -> None:
        self._app, self._drain_s = app, drain_s
        self._is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say that no more are wanted."""
        if not self._is_draining or scope["type"] != "http" or scope["path"] != "/readyz":
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": _BODY})

    def before(self, stop: Callable[..., None]) -> Callable[..., None]:
        """A handler of signals that drains first and then calls `stop`; a second signal stops at once."""

        def drain(*signal: Any) -> None:
            if self._is_draining or not self._drain_s:
                stop(*signal)
                return
            self._is_draining = True
            timer = threading.Timer(self._drain_s, stop, signal)
            timer.daemon = True
            timer.start()

        return drain
