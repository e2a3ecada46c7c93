"""`homefeed explain`: why a video is on a page, or is not."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from homefeed.cli.output import AsJson, OutFile, emit
from homefeed.errors import HomefeedError

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.ranking.attribution import Reference
    from serving.draft import Draft


class ExplainError(HomefeedError):
    """What was asked cannot be explained as asked."""


def explain(
    subject: Annotated[str, typer.Argument(help="A request id, or a viewer when a video follows.")],
    video: Annotated[str | None, typer.Argument(help="A video: explain it for the viewer, now.")] = None,
    *,
    slot: Annotated[int | None, typer.Option(help="Explain this slot of the request in full.", min=0, max=99)] = None,
    release: Annotated[
        str | None, typer.Option(help="Ask this release; by default the page's, or the live one.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="phone, tablet, desktop, tv or other; for a viewer and a video.")
    ] = "other",
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Explain each slot of a page in the serving log, one of them, or a video for a viewer as of now.

    Example: homefeed explain viewer-000042 video-000007 (or homefeed explain r-0123 --slot 4)
    """
    from homefeed.cli.explanation_table import page_table, video_table
    from homefeed.settings import load

    if video is not None and slot is not None:
        raise ExplainError("--slot is of a request; for a viewer and a video leave it out")
    settings = load()
    if video is not None:
        value = of_viewer(settings, subject, video, device, release)
    else:
        value = of_request(settings, subject, slot, release)
    emit(value, as_json, page_table(value) if "slots" in value else video_table(value), out)


def of_viewer(settings: Any, user: str, video: str, device: str, release: str | None) -> dict[str, Any]:
    """A video for a viewer, as of now: `request` and `explanation`."""
    from homefeed.clock import clock
    from serving.remade import open_release, page_now, release_of

    now = clock(settings.clock_file)()
    bundle = open_release(settings, release_of(settings, release), now)
    draft = page_now(settings, user, device, bundle, now)
    return _one(draft, bundle, video)


def of_request(settings: Any, request_id: str, slot: int | None, release: str | None) -> dict[str, Any]:
    """A logged page: `request` with every one of its `slots` in brief, or with the `explanation` of one."""
    from serving.remade import logged_page, only_release, open_release, page_then, release_of

    logged = logged_page(settings, request_id)
    asked = release_of(settings, release) if release is not None else only_release(logged)
    if slot is not None and slot >= len(logged["videos"]):
        raise ExplainError(f"the page of {request_id} has slots 0 to {len(logged['videos']) - 1}, and no slot {slot}")
    bundle = open_release(settings, asked, logged["time"])
    draft = page_then(settings, logged, bundle)
    if slot is None:
        return {"request": _request(draft, bundle), "degraded": logged["degraded"], **_slots(draft, bundle, logged)}
    explained = _one(draft, bundle, logged["videos"][slot])
    names = ("sources", "scores", "propensities", "explored")
    return {
        **explained,
        "degraded": logged["degraded"],
        "logged": {"slot": slot, **{n: logged[n][slot] for n in names}},
    }


def _one(draft: "Draft", bundle: "Bundle", video: str) -> dict[str, Any]:
    from serving.explanation import explain as explain_video

    return {"request": _request(draft, bundle), "explanation": explain_video(draft, bundle, _reference(bundle), video)}


def _reference(bundle: "Bundle") -> "Reference":
    from models.ranking.attribution import read_reference
    from models.ranking.reference import REFERENCE_FILE

    return read_reference(bundle.path / REFERENCE_FILE)


def _request(draft: "Draft", bundle: "Bundle") -> dict[str, Any]:
    return {
        "request_id": draft.request_id,
        "user": draft.request.user,
        "time": draft.time.isoformat(),
        "device": draft.request.device,
        "release": bundle.release,
        "snapshot": draft.snapshot.window,
        "exploration": draft.exploration,
        "not_computed": draft.degraded,
    }


def _slots(draft: "Draft", bundle: "Bundle", logged: dict[str, Any]) -> dict[str, Any]:
    """Each slot as it was logged, with its value made again; `remade` counts the videos that come up again."""
    import numpy as np

    from homefeed import ids
    from serving.explanation import strongest

    snapshot = draft.snapshot
    known = [len(snapshot.rows_of(np.array([ids.key(video)]))) > 0 for video in logged["videos"]]
    rows = snapshot.rows_of(np.array([ids.key(video) for video in logged["videos"]]))
    context = {"time": draft.time, "device": draft.request.device}
    parts = bundle.value_parts(bundle.score(draft.viewer.row, snapshot.take(rows), context))
    features = strongest(bundle, draft, rows, _reference(bundle))
    titles = snapshot.table.column("title").take(rows).to_pylist()
    assert draft.slate is not None
    made = set(draft.rows[draft.slate.index].tolist())
    slots, place = [], 0
    for slot, video in enumerate(logged["videos"]):
        row: dict[str, Any] = {
            "slot": slot,
            "video": video,
            "source": logged["sources"][slot],
            "explored": logged["explored"][slot],
            "propensity": logged["propensities"][slot],
            "score": logged["scores"][slot],
        }
        if known[slot]:
            head = max(parts.contributions, key=lambda target: abs(float(parts.contributions[target][place])))
            row |= {
                "title": titles[place],
                "engagement": float(parts.engagement[place]),
                "satisfaction": float(parts.satisfaction[place]),
                "value": float(parts.total[place]),
                "largest_head": head,
                "feature": features[place].group,
                "change": features[place].change,
            }
            place += 1
        slots.append(row)
    return {"slots": slots, "remade": len(made & set(rows.tolist()))}
