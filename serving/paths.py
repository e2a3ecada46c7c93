"""Paths of the API: each has its version in front, and is answered without it as well."""

from typing import Any

from serving.guard import Receive, Scope, Send

VERSION = "/v1"
#: What is under `VERSION`; without it these are the same calls of the newest version.
VERSIONED = ("/recommend", "/events", "/release", "/knobs/exploration")


class Unversioned:
    """ASGI middleware: a path without a version is the same path of this one."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under its versioned path."""
        if scope["type"] == "http" and scope["path"] in VERSIONED:
            path = VERSION + scope["path"]
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)
