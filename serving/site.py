"""What people open in a browser: the home page, the state of the releases and the API documentation."""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from homefeed.errors import HomefeedError
from serving import request_id
from serving.home import markup
from serving.knob_call import turn_knob
from serving.openapi import description
from serving.paths import VERSION
from serving.request import PageRequest

_logger = logging.getLogger(__name__)
_HOME = Path(__file__).parent / "home"
#: No script and no style but our own files, nothing from elsewhere: titles come from strangers.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_DOCS = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Homefeed API</title>
<link rel="stylesheet" href="/static_content/swagger-ui.css"></head><body><div id="swagger-ui"></div>
<script src="/static_content/swagger-ui-bundle.js"></script>
<script src="/static_content/swagger-ui-standalone-preset.js"></script>
<script src="/static_content/swagger-initializer.js"></script></body></html>"""


async def home(request: Request) -> Response:
    """The page of one viewer as a grid; `?user=` chooses the viewer, `?exploration=` turns the knob for this page."""
    feed, pages = request.app.state.feed, request.app.state.pages
    params = request.query_params
    asked: dict[str, Any] = {"user": params.get("user") or markup.GUEST, "device": _device(request), "explain": True}
    if params.get("exploration"):
        asked["exploration"] = params["exploration"]
    try:
        wanted = PageRequest(**asked)
    except ValidationError as error:
        return _page(markup.message("That cannot be asked", error.errors()[0]["msg"]), 400)
    if feed.snapshot is None:
        return _page(markup.message("No videos yet", feed.no_catalogue()), 503)

    async def parts() -> AsyncIterator[str]:
        yield markup.head(wanted.user, wanted.exploration, feed.usual_exploration(wanted.user))
        making = functools.partial(feed.recommend, wanted, request_id.current.get())
        try:
            page = await asyncio.get_running_loop().run_in_executor(pages, making)
            yield markup.videos(page, feed.state())
        except Exception as error:  # the head is sent already: what is left to do is to say so on the page
            why = str(error) if isinstance(error, HomefeedError) else "The service's log says why."
            _logger.exception("the home page of %s failed", wanted.user)
            yield markup.apology("This page could not be made", why)

    return StreamingResponse(parts(), media_type="text/html", headers=_HEADERS)


def _page(body: str, status: int) -> Response:
    return HTMLResponse(body, status, headers=_HEADERS)


async def release(request: Request) -> Response:
    """What is live, what is in rollout, with the lake versions behind it."""
    return JSONResponse(request.app.state.feed.state())


async def specification(request: Request) -> Response:
    """The OpenAPI description."""
    return JSONResponse(description())


async def documentation(request: Request) -> Response:
    """The API documentation, from BentoML's own files: nothing is fetched from elsewhere."""
    return HTMLResponse(_DOCS)


def _file(name: str, media_type: str) -> Any:
    async def serve(request: Request) -> Response:
        return FileResponse(_HOME / name, media_type=media_type, headers={"Cache-Control": "max-age=86400"})

    return serve


def _device(request: Request) -> str:
    agent = request.headers.get("user-agent", "").lower()
    kinds = (("ipad", "tablet"), ("mobile", "phone"), ("tv", "tv"), ("mozilla", "desktop"))
    return next((device for word, device in kinds if word in agent), "other")


site = Starlette(
    routes=[
        Route("/", home),
        Route(f"{VERSION}/release", release),
        Route(f"{VERSION}/knobs/exploration", turn_knob, methods=["POST"]),
        Route("/docs", documentation),
        Route("/docs.json", specification),
        Route("/home.css", _file("home.css", "text/css")),
        Route("/home.js", _file("home.js", "text/javascript")),
        Route("/home.svg", _file("home.svg", "image/svg+xml")),
    ]
)
