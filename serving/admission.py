"""How many pages are in the making: one more is refused before anything is spent on it."""

import time
from contextvars import ContextVar
from typing import Any

from serving.guard import Receive, Scope, Send
from serving.metrics import SHED

#: `time.perf_counter()` when the request that is answered arrived; a page's deadline counts from it.
ARRIVED: ContextVar[float | None] = ContextVar("arrived", default=None)
_PATHS = ("/recommend", "/v1/recommend")
_BODY = b'{"error": "too many pages are asked for at once; ask again later"}'


class Admission:
    """ASGI application around the service, outside of all that BentoML does for a request.

    A queue that is longer than what can be served within the deadline only makes everyone late, and a refusal that has
    passed through the service costs as much as a tenth of a page.

    Args:
      app: the service.
      max_pages: pages in the making at once.
    """

    def __init__(self, app: Any, max_pages: int) -> None:
        self._app, self._max_pages = app, max_pages
        self._pages = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse a page."""
        ARRIVED.set(time.perf_counter())
        if scope["type"] != "http" or scope["path"] not in _PATHS:
            await self._app(scope, receive, send)
            return
        if self._pages >= self._max_pages:
            SHED.inc()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
            await send({"type": "http.response.start", "status": 429, "headers": headers})
            await send({"type": "http.response.body", "body": _BODY})
            return
        self._pages += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._pages -= 1
