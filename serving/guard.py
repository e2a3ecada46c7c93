"""What no request may bring to any port: a pickle, or a body larger than the limit."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import JSONResponse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
#: BentoML unpickles this type in inner services; whoever can send it can run code.
PICKLE = "application/vnd.bentoml+pickle"


class Guard:
    """ASGI middleware: 415 for a pickle, 413 for a body over `max_body` bytes, with or without a content length."""

    def __init__(self, app: Any, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if PICKLE in headers.get(b"content-type", b"").decode("latin-1").lower():
            refusal = JSONResponse({"error": f"{PICKLE} is refused: send application/json"}, 415)
            await refusal(scope, receive, send)
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._max_body:
            await self._too_large()(scope, receive, send)
            return
        received = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            # The application must not read on; it ends as if the sender had gone.
            return message if received <= self._max_body else {"type": "http.disconnect"}

        async def spoken(message: MutableMapping[str, Any]) -> None:
            if received <= self._max_body:
                await send(message)

        await self._app(scope, counted, spoken)
        if received > self._max_body:
            await self._too_large()(scope, receive, send)

    def _too_large(self) -> JSONResponse:
        return JSONResponse({"error": f"the body is larger than {self._max_body} bytes; send smaller batches"}, 413)
