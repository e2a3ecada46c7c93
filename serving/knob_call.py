"""`POST /v1/knobs/exploration`: a turn of the knob over HTTP, for those who know the operators' token.

The service has no users of its own, and a knob changes every page: without a token nobody turns it here.
"""

import asyncio
import secrets
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefeed.knobs import KnobError
from serving.knobs import KNOB
from serving.refusal import sentence_of

TURNED_OFF = (
    "no knob is turned over HTTP here: HOMEFEED_SERVING__OPERATOR_TOKEN_FILE names no file that holds a token; use "
    "`homefeed knob set`"
)


class Turn(BaseModel):
    """A turn of the knob."""

    model_config = ConfigDict(extra="forbid")

    value: float | None = Field(description="The new value; null gives the knob back to the settings.", ge=0, le=1)
    by: str = Field(description="Who turns it.", min_length=1, max_length=200)
    reason: str = Field("", description="Why, for those who ask later.", max_length=2000)
    release: str = Field("", description="Only for the viewers that this release answers.", max_length=200)
    arm: str = Field("", description="Only for the viewers of this experiment.", max_length=200)
    share: float = Field(1.0, description="Share of the viewers in the arm, by a hash of their id.", gt=0, le=1)

    @model_validator(mode="after")
    def _is_for_one(self) -> "Turn":
        if self.release and self.arm:
            raise ValueError("a value is for a release or for an arm: leave out one of them")
        return self


async def turn_knob(request: Request) -> Response:
    """Turn the knob; the answer is where it stands."""
    feed = request.app.state.feed
    file = feed.settings.serving.operator_token_file
    token = file.read_text().strip() if file is not None and file.is_file() else ""
    if not token:
        return JSONResponse({"error": TURNED_OFF}, 403)
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not secrets.compare_digest(given.encode(), token.encode()):
        return JSONResponse({"error": "send the operators' token as `Authorization: Bearer TOKEN`"}, 401)
    try:
        turn = Turn.model_validate_json(await request.body())
        state: dict[str, Any] = await asyncio.to_thread(feed.turn_exploration, **turn.model_dump())
    except ValidationError as error:
        return JSONResponse({"error": sentence_of(error.errors()[0])}, 400)
    except KnobError as error:
        return JSONResponse({"error": str(error)}, 400)
    return JSONResponse({"knobs": {KNOB: state}})
