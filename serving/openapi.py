"""The service's OpenAPI description: every call, every answer, each with an example."""

from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

import homefeed
from homefeed.schema.page import sample
from serving.knob_call import TURNED_OFF, Turn
from serving.paths import VERSION
from serving.request import Accepted, EventBatch, Page, PageRequest

_ABOUT = """Pages of videos, and the events that follow. `docs/events.md` describes every event, `docs/serving.md` what
a caller sees when a part fails.

A request that is refused is answered with 4xx and `{"error": why}`; 429 means too many at once, 503 not now: send it
again after the seconds in `Retry-After`. Every answer has an `X-Request-Id`: the caller's, when the request had one. A
path without its version, such as `/recommend`, is the same call of the newest version."""
_REF = "#/components/schemas/{model}"


class Refused(BaseModel):
    """Why a request was not answered."""

    error: str = Field(description="One sentence: what is wrong, where, and what to do.")


class Knobs(BaseModel):
    """Where the knobs stand."""

    knobs: dict[str, Any] = Field(description="Each knob: for everyone, for releases, for arms.")


class State(BaseModel):
    """What answers viewers now."""

    live: dict[str, Any] | None = Field(description="The live release, its lineage and metrics; null before the first.")
    rollout: list[dict[str, Any]] = Field(description="Releases that answer a `share` of the viewers.")
    shadow: list[dict[str, Any]] = Field(description="Releases that are asked off the response path.")
    retired: list[dict[str, Any]] = Field(
        description="Releases in memory that answer nobody: what a rollback brings back, what an interleaving names."
    )
    failed: dict[str, str] = Field(description="Releases that could not be loaded, and why.")
    snapshot: dict[str, Any] | None = Field(description="Window and number of the candidates.")
    exploration: float = Field(description="Share of the slots given to fresh or new content.")
    knobs: dict[str, Any] = Field(description="Each knob as it was turned: for everyone, for releases, for arms.")
    time: str


_PAGE = {
    "request_id": "r-3f2a9c0d5b7e4c1f8a6d2e9b0c4f7a13",
    "release": "r20261123T2200Z-1a2b3c",
    "user": "viewer-000042",
    "time": "2026-11-23T22:10:05.120000+00:00",
    "latency_ms": 12.4,
    "degraded": [],
    "videos": [
        {
            "slot": 0,
            "video": "video-1007",
            "title": "Sourdough in twelve minutes",
            "channel": "channel-88",
            "topics": ["cooking", "bread"],
            "duration_s": 734.0,
            "uploaded": "2026-11-23T21:58:00+00:00",
            "source": "two_tower",
            "score": 0.031,
            "propensity": 0.92,
            "explored": False,
            "why": "Fits what you watch: cooking",
        }
    ],
}
_STATE = {
    "live": {"release": "r20261123T2200Z-1a2b3c", "stage": "live", "stale": False, "metrics": {"ne": 0.86}},
    "rollout": [],
    "shadow": [],
    "retired": [],
    "interleavings": [],
    "failed": {},
    "snapshot": {"window": "20261123T2200Z", "videos": 20000},
    "exploration": 0.1,
    "knobs": {"exploration": {"value": 0.1, "releases": {}, "arms": [{"arm": "more-new", "value": 0.3, "share": 0.1}]}},
    "time": "2026-11-23T22:10:05.120000+00:00",
}
#: Status -> what it means, and an example of its sentence.
_REFUSALS = {
    400: ("The request is wrong; sending it again does not help.", "num: Input should be less than or equal to 100"),
    401: ("Not by who sent it.", "send the operators' token as `Authorization: Bearer TOKEN`"),
    403: ("Turned off.", TURNED_OFF),
    413: ("Too large; send smaller batches.", "10001 events in one request; send at most 10000"),
    415: ("Not JSON.", "application/vnd.bentoml+pickle is refused: send application/json"),
    429: (
        "Too many at once; come back after `Retry-After`.",
        "99950 events wait for the disk and at most 100000 may; send these 100 again after the time in Retry-After",
    ),
    503: (
        "Not now; come back after `Retry-After`.",
        "the events were not taken, send them again later: 100 events could not be written: No space left on device",
    ),
    504: ("Not done within `serving.timeout_s`.", "Not able to process the request in 10.0 seconds"),
}
_NO_CATALOGUE = (
    "there is no catalogue yet: no snapshot in var/snapshots; ingest video events and publish their features"
)
_WITH_BODY = (400, 413, 415, 429, 503, 504)
_ID_HEADER = {"description": "The caller's, or one that was made.", "schema": {"type": "string"}}
_CALLER_ID = {
    "name": "X-Request-Id",
    "in": "header",
    "description": "The caller's own name of the request; it comes back with the answer and is in the log.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,64}$"},
    "example": "checkout-7f3a",
}


def description() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    models: tuple[type[BaseModel], ...] = (PageRequest, Page, EventBatch, Accepted, Refused, State, Turn, Knobs)
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Homefeed", "version": homefeed.VERSION, "description": _ABOUT},
        "servers": [{"url": "."}],
        "tags": [
            {"name": "API", "description": "What a site calls."},
            {"name": "Health", "description": "What runs the service calls."},
        ],
        "paths": {
            f"{VERSION}/recommend": {"post": _recommend()},
            f"{VERSION}/events": {"post": _events()},
            f"{VERSION}/release": {"get": _release()},
            f"{VERSION}/knobs/exploration": {"post": _knob()},
            "/healthz": {"get": _health("healthz", "Whether the process runs.")},
            "/livez": {"get": _health("livez", "Whether the process runs.")},
            "/readyz": {"get": _health("readyz", "Whether everything that was there at the start is in memory.", 503)},
            "/metrics": {"get": _health("metrics", "Figures for Prometheus.")},
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer"}},
        },
    }


def _recommend() -> dict[str, Any]:
    asked = {"user": "viewer-000042", "num": 20, "device": "phone"}
    explored = asked | {"exploration": 0.3, "country": "DE", "explain": True}
    return {
        "operationId": "recommend",
        "tags": ["API"],
        "summary": "A page of videos for a viewer, best first",
        "description": "A viewer who was never seen gets a page too. A part that fails is named in `degraded`.",
        "parameters": [_CALLER_ID],
        "requestBody": _body("PageRequest", {"a phone": asked, "with more exploration": explored}),
        "responses": {"200": _answer("The page.", "Page", _PAGE), **_refusals(_WITH_BODY, {503: _NO_CATALOGUE})},
    }


def _events() -> dict[str, Any]:
    events = {name: {"events": [sample(name)]} for name in ("impression", "watch", "feedback", "video", "user")}
    return {
        "operationId": "events",
        "tags": ["API"],
        "summary": "Take events; the answer comes when they are on disk",
        "description": "An `event_id` counts once, however often it arrives. What `docs/events.md` does not allow goes "
        "to the quarantine table when its window is ingested, with the reason.",
        "parameters": [_CALLER_ID],
        "requestBody": _body("EventBatch", events),
        "responses": {"202": _answer("On disk.", "Accepted", {"accepted": 1}), **_refusals(_WITH_BODY, {})},
    }


def _release() -> dict[str, Any]:
    return {
        "operationId": "release",
        "tags": ["API"],
        "summary": "What is live, what is in rollout, and how fresh the candidates are",
        "parameters": [_CALLER_ID],
        "responses": {"200": _answer("Now.", "State", _STATE), **_refusals((400, 429), {})},
    }


def _knob() -> dict[str, Any]:
    everyone = {"value": 0.2, "by": "ana", "reason": "more new channels"}
    arm = {"value": 0.3, "by": "ana", "arm": "more-new", "share": 0.1}
    return {
        "operationId": "turnKnob",
        "tags": ["API"],
        "summary": "Turn the exploration knob for everyone, a release or an arm of viewers",
        "description": "Only with the operators' token, that of `serving.operator_token_file`. This process follows at "
        "once, others within `serving.poll_s`.",
        "parameters": [_CALLER_ID],
        "security": [{"operator": []}],
        "requestBody": _body("Turn", {"everyone": everyone, "an arm": arm}),
        "responses": {
            "200": _answer("Where it stands.", "Knobs", {"knobs": _STATE["knobs"]}),
            **_refusals((400, 401, 403, 413, 415, 429), {}),
        },
    }


def _health(name: str, summary: str, *others: int) -> dict[str, Any]:
    answers = {"200": {"description": "Yes."}, **{str(status): {"description": "Not yet."} for status in others}}
    return {"operationId": name, "tags": ["Health"], "summary": summary, "responses": answers}


def _body(model: str, examples: dict[str, Any]) -> dict[str, Any]:
    named = {name: {"value": value} for name, value in examples.items()}
    schema = {"$ref": _REF.format(model=model)}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": named}}}


def _answer(meaning: str, model: str, example: Any, **headers: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(model=model)}, "example": example}}
    return {"description": meaning, "headers": {"X-Request-Id": _ID_HEADER, **headers}, "content": content}


def _refusals(statuses: tuple[int, ...], sentences: dict[int, str]) -> dict[str, Any]:
    refusals = {}
    for status in statuses:
        meaning, sentence = _REFUSALS[status]
        seconds = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        headers = {"Retry-After": seconds} if status in {429, 503} else {}
        example = {"error": sentences.get(status, sentence)}
        refusals[str(status)] = _answer(meaning, "Refused", example, **headers)
    return refusals
