"""What a client may ask and what it is answered: the models behind the service's API documentation."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field
from typing_extensions import TypedDict

from homefeed.ids import MAX_ID_BYTES


def _fits_id(value: str) -> str:
    if not 1 <= len(value.encode()) <= MAX_ID_BYTES:
        raise ValueError(f"an id has 1 to {MAX_ID_BYTES} bytes of UTF-8, this one has {len(value.encode())}")
    return value


Id = Annotated[str, AfterValidator(_fits_id), Field(json_schema_extra={"minLength": 1, "maxLength": MAX_ID_BYTES})]
Device = Literal["phone", "tablet", "desktop", "tv", "other"]
Surface = Literal["home", "search", "channel", "watch_next", "other"]


class PageRequest(BaseModel):
    """One page that is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: Id = Field(description="The viewer; one who was never seen gets a page too.", examples=["viewer-000042"])
    num: int = Field(100, ge=1, le=100, description="Videos wanted.")
    device: Device = Field("other", description="What the page is shown on.")
    surface: Surface = Field("home", description="Where the page is shown.")
    exploration: float | None = Field(
        None, ge=0, le=1, description="Share of the slots given to fresh or new content; unset means the service's own."
    )
    country: str | None = Field(
        None, pattern="^[A-Z]{2}$", description="ISO 3166 code of where the viewer is now; unset means the profile's."
    )
    explain: bool = Field(False, description="Tell each video's calibrated heads as well.")
    debug: bool = Field(False, description="Answer with the times of the stages and the counts of candidates.")


class Slot(BaseModel):
    """One video of a page."""

    slot: int = Field(description="Position, 0 first.")
    video: str
    title: str
    channel: str
    topics: list[str]
    duration_s: float
    uploaded: str
    source: str = Field(description="The candidate source that proposed it.")
    score: float = Field(description="Its value, after diversity.")
    propensity: float = Field(description="Probability that the policy put it here, given the slots above.")
    explored: bool = Field(description="True when exploration chose the slot.")
    why: str = Field(description="One sentence for the viewer.")
    heads: dict[str, float] | None = Field(
        None,
        description="With `explain`: what the ranker predicts, calibrated, such as the probability of a watch; empty "
        "when no release ranked.",
    )


class Debug(BaseModel):
    """How a page was made."""

    stages_ms: dict[str, float] = Field(description="Time of each stage; the viewer and the answer among them.")
    counts: dict[str, int] = Field(description="Candidates by what happened to them.")
    num_ranked: int = Field(description="Candidates that were left to choose from.")
    deadline_ms: float = Field(description="Time that the page had, from the arrival of the request.")
    waited_ms: float = Field(description="Time from the arrival until a thread began with the page.")


class Page(BaseModel):
    """A page of videos, best first."""

    request_id: str
    release: str = Field(
        description="The release that chose it; two with + between where an experiment interleaves them; empty before "
        "the first one."
    )
    user: str
    time: str
    latency_ms: float
    degraded: list[str] = Field(description="Parts that failed and were replaced; empty on a good day.")
    videos: list[Slot]
    debug: Debug | None = Field(None, description="Where the time went; only when it was asked for.")


class EventHead(TypedDict):
    """What every event has; ingestion checks the rest against docs/events.md."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    event_id: Id
    type: Literal["impression", "watch", "feedback", "video", "user"]
    time: Annotated[str, Field(min_length=10, max_length=64)]


class EventBatch(BaseModel):
    """Events that happened."""

    model_config = ConfigDict(extra="forbid")

    # To the first that is wrong: to find a million of them would keep every page waiting for seconds.
    events: Annotated[list[EventHead], FailFast()] = Field(
        min_length=1, description="Flat JSON objects as docs/events.md describes."
    )


class Accepted(BaseModel):
    """The events are on disk and survive a crash."""

    accepted: int
