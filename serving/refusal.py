"""A refused request is told why in one sentence, and costs one line of log instead of a stack trace."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from serving.guard import Receive, Scope, Send


class Refusal:
    """ASGI middleware: puts what BentoML says of a body that does not fit into `error`, as `field: what is wrong`."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; hold back a 400 until its body is there."""
        held: list[Any] = []

        async def spoken(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] == 400:
                held.append(message)
            elif not held:
                await send(message)
            else:
                held.append(message)
                if not message.get("more_body"):
                    for part in _reworded(held):
                        await send(part)

        await self._app(scope, receive, spoken)


class NoTraceback(logging.Filter):
    """Drops the stack trace of a body that does not fit: the sender was told, and it is no fault of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, without the trace when a validation caused it."""
        if record.exc_info and isinstance(record.exc_info[1], ValidationError):
            record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
        return True


def _reworded(held: list[Any]) -> list[Any]:
    start, body = held[0], b"".join(part.get("body", b"") for part in held[1:])
    try:
        body = orjson.dumps(refusal_of(orjson.loads(body)["detail"]))
    except (ValueError, KeyError, TypeError):
        return held
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))
    return [{**start, "headers": headers}, {"type": "http.response.body", "body": body}]


def refusal_of(problems: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The answer to a body that does not fit, from pydantic's errors: the first five of them."""
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    return {"error": "; ".join(sentence_of(problem) for problem in problems[:5]) + more}


def sentence_of(problem: Mapping[str, Any]) -> str:
    """Where a body does not fit and why, from one of pydantic's errors."""
    place = ".".join(map(str, problem["loc"])) or "body"
    return f"{place}: {problem['msg'].removeprefix('Value error, ')}"
