"""The BentoML service: `bentoml serve serving.service:Homefeed`, or `python -m serving`.

One worker: bundles and catalogue are in memory once, and numpy and TensorFlow use the cores by themselves.
"""

import asyncio
import contextvars
import functools
import inspect
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import bentoml
import orjson
from bentoml.images import Image
from starlette.responses import Response
from threadpoolctl import threadpool_limits

from homefeed.errors import HomefeedError
from homefeed.settings import load
from serving import metrics, request, request_id
from serving.backlog import Backlog, BacklogFullError
from serving.event_intake import UnwritableEventError
from serving.feed import Feed, NoCatalogueError
from serving.guard import Guard
from serving.page_call import PageCall
from serving.paths import VERSION, Unversioned
from serving.refusal import NoTraceback, Refusal
from serving.request_id import RequestId
from serving.retry_after import RetryAfter
from serving.site import site

Result = TypeVar("Result")
_SETTINGS = load()
# Threads are given to pages, not to each product of them.
threadpool_limits(1, "blas")


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")


async def _page(wanted: request.PageRequest) -> tuple[int, bytes]:
    """Status and JSON of a page."""
    return await _in(site.state.pages, _made, wanted, request_id.current.get())


def _made(wanted: request.PageRequest, caller_id: str) -> tuple[int, bytes]:
    # JSON is made by the thread of the page: the loop's is free for others.
    try:
        return 200, orjson.dumps(site.state.feed.recommend(wanted, caller_id), option=orjson.OPT_SERIALIZE_NUMPY)
    except NoCatalogueError as error:
        return 503, orjson.dumps({"error": str(error)})


class _Homefeed:
    """Homefeed: pages of videos, and the events that follow."""

    def __init__(self) -> None:
        self.feed = Feed(_SETTINGS)
        # Pages and events have threads of their own: a burst of pages never keeps an event from the disk.
        self._pages = ThreadPoolExecutor(_SETTINGS.serving.num_threads, thread_name_prefix="page")
        self._appends = ThreadPoolExecutor(16, thread_name_prefix="append")
        self._backlog = Backlog(_SETTINGS.serving.max_waiting_events)
        site.state.feed = self.feed
        site.state.pages = self._pages

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    def begin(self) -> None:
        """Begin to load releases; pages are answered from the first moment."""
        self.feed.start()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def end(self) -> None:
        """Write what is held in memory."""
        self._pages.shutdown()
        self._appends.shutdown()
        self.feed.close()

    def __is_ready__(self) -> bool:
        """Ready when everything that was there at the start is in memory."""
        return self.feed.ready.is_set()

    @bentoml.api(route=f"{VERSION}/recommend", input_spec=request.PageRequest, output_spec=request.Page)  # type: ignore[untyped-decorator]
    async def recommend(self, **asked: Any) -> Response:
        """A page of videos for a viewer, best first."""
        # BentoML has validated each field by the same model.
        status, page = await _page(request.PageRequest.model_construct(**asked))
        return Response(page, status, media_type="application/json")

    @bentoml.api(route=f"{VERSION}/events", input_spec=request.EventBatch, output_spec=request.Accepted)  # type: ignore[untyped-decorator]
    async def events(self, events: list[request.EventHead]) -> Response:
        """Take events; the answer comes when they are on disk."""
        limit = _SETTINGS.serving.max_events
        if len(events) > limit:
            return _json({"error": f"{len(events)} events in one request; send at most {limit}"}, 413)
        try:
            with self._backlog.hold(len(events)):
                accepted = await _in(self._appends, self.feed.accept, events)
        except BacklogFullError as error:
            metrics.EVENTS_REFUSED.labels(reason="backlog").inc()
            return _json({"error": str(error)}, 429)
        except UnwritableEventError as error:
            return _json({"error": str(error)}, 400)
        except HomefeedError as error:
            metrics.EVENTS_REFUSED.labels(reason="disk").inc()
            return _json({"error": f"the events were not taken, send them again later: {error}"}, 503)
        return _json({"accepted": accepted}, 202)


async def _in(pool: ThreadPoolExecutor, work: Callable[..., Result], *args: Any) -> Result:
    return await asyncio.get_running_loop().run_in_executor(
        # What is known of the request goes with it, such as when it arrived.
        pool,
        contextvars.copy_context().run,
        functools.partial(work, *args),
    )


# BentoML asks for the signature of a call at every request; one that is kept is not worked out again.
for _call in (_Homefeed.recommend, _Homefeed.events):
    _call.func.__signature__ = inspect.signature(_call.func)

#: What an image of the Bento is built on. BentoML's own default brings a compiler and git, and no package of the lock
#: is built from source. The folder is there with its owner before a volume is put on it.
_IMAGE = Image("python:3.11-slim-bookworm", distro="", python_version="3.11").run(
    "mkdir /home/bentoml/var && chown bentoml:bentoml /home/bentoml/var"
)
Homefeed = bentoml.service(
    name="homefeed",
    image=_IMAGE,
    workers=1,
    traffic={"timeout": _SETTINGS.serving.timeout_s, "max_concurrency": _SETTINGS.serving.max_concurrency},
    # Four spans and a line for each page cost as much as reading its viewer; the serving log has a row of it.
    tracing={} if _SETTINGS.serving.tracing else {"excluded_urls": ".*"},
    logging={"access": {"enabled": _SETTINGS.serving.access_log}},
)(_Homefeed)
_MAX_BODY = int(_SETTINGS.serving.max_body_mib * 2**20)
Homefeed.add_asgi_middleware(RequestId)
Homefeed.add_asgi_middleware(RetryAfter, retry_after_s=_SETTINGS.serving.retry_after_s)
if not _SETTINGS.serving.tracing:
    # BentoML's own route tells the caller the id of the trace.
    Homefeed.add_asgi_middleware(PageCall, max_body=_MAX_BODY, answer=_page, server="BentoML Service/homefeed")
Homefeed.add_asgi_middleware(Guard, max_body=_MAX_BODY)
Homefeed.add_asgi_middleware(Refusal)
Homefeed.add_asgi_middleware(Unversioned)
Homefeed.mount_asgi_app(site)
logging.getLogger("bentoml._internal.server.http_app").addFilter(NoTraceback())
