"""An answer that means "not now" says when to come back: `Retry-After` on every 429 and 503."""

from collections.abc import MutableMapping
from typing import Any

from serving.guard import Receive, Scope, Send

_NOT_NOW = (429, 503)


class RetryAfter:
    """ASGI middleware: adds `Retry-After` in whole seconds to an answer of 429 or 503 that has none."""

    def __init__(self, app: Any, retry_after_s: int) -> None:
        self._app = app
        self._header = (b"retry-after", str(retry_after_s).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and complete its answer."""

        async def spoken(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and message["status"] in _NOT_NOW:
                headers = list(message.get("headers", ()))
                if all(name.lower() != self._header[0] for name, _ in headers):
                    message = {**message, "headers": [*headers, self._header]}
            await send(message)

        await self._app(scope, receive, spoken)
