"""A page over HTTP by the shortest way: in BentoML, within its limits and figures, and before its route (ADR 33)."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from pydantic import ValidationError

from serving.guard import Receive, Scope, Send
from serving.paths import VERSION
from serving.refusal import refusal_of
from serving.request import PageRequest

_PATHS = ("/recommend", f"{VERSION}/recommend")
_JSON = b"application/json"
_FAILED = b'{"error":"An unexpected error has occurred, please check the server log."}'
_logger = logging.getLogger(__name__)


class PageCall:
    """ASGI middleware: answers a page that is asked for in JSON of a known length; all else goes on to BentoML.

    Args:
      app: what goes on.
      max_body: bytes of a body at most.
      answer: makes the page: status and JSON.
      server: the answer's `Server`.
    """

    def __init__(
        self, app: Any, max_body: int, answer: Callable[[PageRequest], Awaitable[tuple[int, bytes]]], server: str
    ) -> None:
        self._app, self._max_body, self._answer = app, max_body, answer
        self._server = (b"server", server.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a page, or pass a request on."""
        if not self._is_plain(scope):
            await self._app(scope, receive, send)
            return
        body, has_more = [], True
        while has_more:
            message = await receive()
            body.append(message.get("body", b""))
            has_more = message.get("more_body", False)
        try:
            # BentoML takes no body for an empty object too.
            status, page = await self._answer(PageRequest.model_validate_json(b"".join(body) or b"{}"))
        except ValidationError as error:
            status, page = 400, orjson.dumps(refusal_of(error.errors(include_context=False, include_input=False)))
        except Exception:
            _logger.exception("a page could not be made")
            status, page = 500, _FAILED
        headers = [(b"content-length", b"%d" % len(page)), (b"content-type", _JSON), self._server]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": page})

    def _is_plain(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["path"] not in _PATHS or scope["method"] != "POST":
            return False
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or int(length) > self._max_body:
            return False
        return bool(headers.get(b"content-type", _JSON).partition(b";")[0].strip() == _JSON)
