"""`X-Request-Id`: the caller's own name of a request comes back with the answer and is in the log beside ours.

A page has an id of its own (`request_id`), which seeds its draws and joins its events: a caller's id may come twice.
"""

import logging
import re
import time
import uuid
from contextvars import ContextVar
from typing import Any

from starlette.responses import JSONResponse

from serving.guard import Receive, Scope, Send

HEADER = b"x-request-id"
_FITS = re.compile(rb"[\x21-\x7e]{1,64}")
#: Marks a request that has its id: the middleware stands around all of BentoML where it can, and inside where it must.
_SEEN = "homefeed.request_id"
_logger = logging.getLogger(__name__)
#: Id of the request that is being answered.
current: ContextVar[str] = ContextVar("request_id", default="")


class RequestId:
    """ASGI middleware: takes the caller's id or makes one, answers with it, and logs what was not answered with 2xx."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under its id. An id that is none is refused with 400."""
        if scope["type"] != "http" or _SEEN in scope:
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), None)
        fits = given is None or _FITS.fullmatch(given) is not None
        named = given if given is not None and fits else uuid.uuid4().hex.encode()
        began = time.perf_counter()

        async def spoken(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (HEADER, named)]}
                _log(scope, message["status"], named, time.perf_counter() - began)
            await send(message)

        scope = {**scope, _SEEN: True}
        token = current.set(named.decode())
        try:
            if not fits:
                refusal = JSONResponse({"error": "X-Request-Id has 1 to 64 visible ASCII characters"}, 400)
                await refusal(scope, receive, spoken)
            else:
                await self._app(scope, receive, spoken)
        finally:
            current.reset(token)


def _log(scope: Scope, status: int, named: bytes, seconds: float) -> None:
    if status < 400:
        return
    level = logging.WARNING if status >= 500 else logging.INFO
    said = "%s %s answered %d after %.0f ms, request %s"
    _logger.log(level, said, scope["method"], scope["path"], status, seconds * 1000, named.decode())
