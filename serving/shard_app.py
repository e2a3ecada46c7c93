"""The calls that an index shard answers: `/search`, `/take`, `/releases`, `/readyz` and `/metrics`."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.index import IndexInputError, Searchable
from serving.making import Making
from serving.metrics import SHARD_QUERIES
from serving.shard_body import WIDTH, found_body, keys_of, vectors_of

_BYTES = "application/octet-stream"
#: A longer list is a mistake; the largest page ranks 10,000.
_MOST = 100_000


def shard_app(
    number: int,
    num_shards: int,
    indexes: Callable[[], Mapping[str, Searchable]],
    is_ready: Callable[[], bool],
    num_threads: int,
    searches: Making,
) -> Starlette:
    """The ASGI application.

    Args:
      number: of the shard, from 0.
      num_shards: how many there are.
      indexes: release -> this shard of its index, as they are now.
      is_ready: whether what was there at the start is in memory.
      num_threads: searches at the same time; ScaNN searches without Python's lock.
      searches: counts those that are being made.
    """
    pool = ThreadPoolExecutor(num_threads, thread_name_prefix="search")

    async def search(request: Request) -> Response:
        index = indexes().get(request.query_params.get("release", ""))
        if index is None:
            return _unknown(request)
        try:
            k, num = int(request.query_params["k"]), int(request.query_params.get("num", "1"))
            queries = vectors_of(await request.body(), num)
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": f"no search: {error}"}, 400)
        if not 0 < k <= _MOST:
            return JSONResponse({"error": f"k is {k}; it is 1 to {_MOST}"}, 400)

        def work() -> bytes:
            with searches:
                return found_body(index.search_each(queries, k))

        try:
            body = await asyncio.get_running_loop().run_in_executor(pool, work)
        except IndexInputError as error:
            return JSONResponse({"error": str(error)}, 400)
        SHARD_QUERIES.inc(num)
        return Response(body, media_type=_BYTES)

    async def take(request: Request) -> Response:
        index = indexes().get(request.query_params.get("release", ""))
        if index is None:
            return _unknown(request)
        try:
            keys = keys_of(await request.body())
        except ValueError as error:
            return JSONResponse({"error": f"no keys: {error}"}, 400)
        vectors = np.ascontiguousarray(index.take(keys), "<f4")
        return Response(vectors.tobytes(), media_type=_BYTES, headers={WIDTH: str(vectors.shape[1])})

    async def releases(request: Request) -> Response:
        return JSONResponse({"shard": number, "of": num_shards, "releases": sorted(indexes())})

    async def readiness(request: Request) -> Response:
        return JSONResponse({"ready": is_ready()}, 200 if is_ready() else 503)

    async def figures(request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    def _unknown(request: Request) -> Response:
        release = request.query_params.get("release", "")
        return JSONResponse({"error": f"shard {number} does not hold release {release!r}"}, 404)

    return Starlette(
        routes=[
            Route("/search", search, methods=["POST"]),
            Route("/take", take, methods=["POST"]),
            Route("/releases", releases),
            Route("/readyz", readiness),
            Route("/metrics", figures),
        ]
    )
