"""A page made again without the service: that of a logged request, or of one that is asked now."""

import contextlib
from collections.abc import Mapping, Set
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from homefeed import ids, serving_log, windows
from homefeed.errors import HomefeedError
from homefeed.registry import open_registry
from homefeed.settings import Settings
from serving.acts import Act, act_of_row
from serving.bundle import load_bundle
from serving.draft import Draft
from serving.fresh_viewer import with_acts
from serving.knobs import read_exploration
from serving.pipeline import run
from serving.recent_store import open_recent_store
from serving.request import PageRequest
from serving.snapshot import Snapshot
from serving.sources import NAMES
from serving.viewer import UNKNOWN, Viewer, ViewerRead, open_online_store, viewer_of

if TYPE_CHECKING:
    from models.bundle import Bundle


class RemadeError(HomefeedError):
    """A page cannot be made again; the message says what is missing and what to do."""


def release_of(settings: Settings, release: str | None) -> str:
    """`release`, or the live one. Raises RemadeError when nothing is live, or the registry has no such release."""
    registry = open_registry(settings.resolved_registry_url)
    if release is not None:
        if registry.release(release) is None:
            raise RemadeError(
                f"there is no release {release!r} in {settings.resolved_registry_url}; `homefeed status` lists them"
            )
        return release
    live = registry.live()
    if live is None:
        raise RemadeError(
            "no release is live, so nothing ranks a page yet; `make run` makes the first one, --release names another"
        )
    return live.id


def open_release(settings: Settings, release: str, time: datetime) -> "Bundle":
    """The bundle of a release with the adjustment of `time`; BundleError says why it is refused."""
    from models.ranking.adjustment import newest_adjustment

    bundle: Bundle = load_bundle(settings, release)  # type: ignore[assignment]
    adjustment = newest_adjustment(settings, release, lambda window: windows.end(window) <= time)
    if adjustment is not None:
        bundle.recalibrate(adjustment)
    return bundle


def logged_page(settings: Settings, request_id: str) -> dict[str, Any]:
    """The row of `serving_log.PAGES` of a request, its `degraded` parts and its `num_candidates`.

    Raises:
      RemadeError: the log holds no page of that id, or one that no release ranked.
    """
    page = serving_log.find(settings.serving_path, "pages", request_id)
    request = serving_log.find(settings.serving_path, "requests", request_id)
    if page is None:
        why = f": it failed with {request['error']!r}" if request is not None and request["error"] else ""
        raise RemadeError(
            f"the serving log in {settings.serving_path} has no page of request {request_id!r}{why}; `homefeed feed "
            "USER` prints the id of a page, and a page is logged within a second; for a viewer and a video give both"
        )
    if not page["release"]:
        raise RemadeError(
            f"request {request_id!r} was answered before the first release, with what was trending; there is no value "
            "to explain"
        )
    cut = request or {"degraded": [], "num_candidates": None}
    if "no_time_to_rank" in cut["degraded"]:
        raise RemadeError(
            f"request {request_id!r} was answered with what was trending, as there was no time to rank; there is no "
            "value to explain"
        )
    return {**page, **{name: cut[name] for name in ("degraded", "num_candidates")}}


def only_release(logged: Mapping[str, Any]) -> str:
    """The release that chose a logged page. Raises RemadeError when two did."""
    release: str = logged["release"]
    if "+" in release:
        raise RemadeError(
            f"the page of request {logged['request_id']!r} was drafted from two releases, {release}; --release names "
            "the one whose values are to be explained"
        )
    return release


def page_then(settings: Settings, logged: Mapping[str, Any], bundle: "Bundle") -> Draft:
    """The page of a logged request, made again by `bundle` with the viewer, the catalogue and the draws of its time,
    and without what there was no time for, or what had failed.

    It differs from the one that was answered where features were published later than their window's end, where events
    arrived late or are not ingested yet, where the snapshot of then was dropped, or where the request named another
    country than the profile's: that is not logged.
    """
    from feature_repo.viewer_past import events_since, viewer_at

    was_unknown = any(part.startswith("viewer_") for part in logged["degraded"])
    viewer = UNKNOWN if was_unknown else viewer_of(viewer_at(settings, logged["user"], logged["time"]))
    was_fresh = not any(part.startswith("recent_") for part in logged["degraded"])
    since = events_since(settings, logged["user"], logged["time"]) if was_fresh else []
    asked = {"user": logged["user"], "num": len(logged["videos"]), "device": logged["device"]}
    made = (logged["request_id"], PageRequest(**asked), logged["time"])
    left_out = {part.removeprefix("skipped_").removeprefix("late_") for part in logged["degraded"]}
    most = logged["num_candidates"] if "fewer_ranked" in logged["degraded"] else None
    acts = list(map(act_of_row, since))
    return _page(settings, bundle, *made, viewer, acts, logged["exploration"], left_out & set(NAMES), most)


def page_now(
    settings: Settings,
    user: str,
    device: str,
    bundle: "Bundle",
    now: datetime,
    open_store: ViewerRead | None = None,
) -> Draft:
    """The page that a viewer would get now, by the online store.

    Raises:
      RemadeError: the id is none, the store was not made yet, or it does not know the viewer.
    """
    try:
        request = PageRequest.model_validate({"user": user, "device": device})
    except ValidationError as error:
        raise RemadeError(f"that cannot be asked: {error.errors()[0]['msg']}") from error
    try:
        row = (open_store or open_online_store(settings))(user)
    except Exception as error:  # whatever the store's client raises
        raise RemadeError(
            f"the online store in {settings.feast_path} cannot be read ({error}); the DAG build_features makes it"
        ) from error
    viewer = viewer_of(row)
    acts = _acts_now(settings, user)
    if not viewer.known and not acts:
        raise RemadeError(
            f"the online store does not know viewer {user!r}; check the id: a new viewer is known once a window with "
            "events of theirs was published"
        )
    knob = read_exploration(settings, open_registry(settings.resolved_registry_url))
    exploration, _ = knob.of(user, bundle.release)
    return _page(settings, bundle, f"explain-{user}", request, now, viewer, acts, exploration)


def _acts_now(settings: Settings, user: str) -> list[Act]:
    """What the viewer did since the row of the online store. Raises RemadeError when that store cannot be read."""
    try:
        with contextlib.closing(open_recent_store(settings)) as store:
            return store.read(ids.key(user))
    except Exception as error:  # whatever the store's client raises
        raise RemadeError(f"the acts beside the online store cannot be read: {error}") from error


def _page(
    settings: Settings,
    bundle: "Bundle",
    request_id: str,
    request: PageRequest,
    time: datetime,
    viewer: Viewer,
    acts: list[Act],
    exploration: float,
    without: Set[str] = frozenset(),
    most_ranked: int | None = None,
) -> Draft:
    snapshot = _snapshot_at(settings, bundle, time)
    bundle.refresh(snapshot.table, windows.end(snapshot.window))
    draft = Draft(
        request_id=request_id,
        request=request,
        time=time,
        viewer=with_acts(viewer, acts, snapshot, settings.features),
        snapshot=snapshot,
        bundle=bundle,
        settings=settings.serving,
        exploration=exploration,
        without=frozenset(without),
        most_ranked=most_ranked,
    )
    return run(draft)


def _snapshot_at(settings: Settings, bundle: "Bundle", time: datetime) -> Snapshot:
    """The newest snapshot of a window that had ended by `time`; the bundle's own when none is kept."""
    then = [file for file in settings.snapshots_path.glob("*.arrow") if windows.end(file.stem) <= time]
    if then:
        return Snapshot.read(max(then)).prepared()
    return Snapshot(bundle.manifest.windows[1], bundle.snapshot).prepared()
