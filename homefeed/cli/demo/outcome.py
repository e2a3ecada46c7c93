"""What the demo prints, and whether it may say that the loop works."""

from typing import Any

from homefeed import ids
from homefeed.cli.demo.loop import Facts
from homefeed.lake import open_lake
from homefeed.registry import Registry, Stage
from homefeed.settings import Settings

PASSED_ON = (Stage.CANARY, Stage.RAMP, Stage.LIVE, Stage.RETIRED)


def outcome(settings: Settings, registry: Registry, facts: Facts, site_format: str) -> dict[str, Any]:
    """The demo's JSON object; `failures` is empty when the loop worked."""
    lake = open_lake(settings.lake_path)
    watched = lake.read("exposures", columns=["watched"])["watched"].to_pylist()
    ingested, bundles = facts.extras.get("events", []), facts.extras.get("bundle", [])
    first = bundles[0] if bundles else {}
    retrieval, ranking = (first.get(kind, {}).get("metrics", {}) for kind in ("retrieval", "ranking"))
    return {
        "format": site_format,
        "events": {key: sum(extra[key] for extra in ingested) for key in ("accepted", "quarantined", "duplicate")},
        "exposures": {"positive": sum(watched), "negative": len(watched) - sum(watched)},
        "features": {"online_rows": sum(extra["online_rows"] for extra in facts.extras.get("exposures", []))},
        "retrieval": retrieval,
        "ranking": ranking,
        "index": {"videos": lake_videos(settings), "recall_at_1000": first.get("index", {}).get("recall_at_1000")},
        "releases": [_release(registry, release) for release in registry.releases()],
        "page": _page(facts.pages[0]) if facts.pages else None,
        "page_again": _page(facts.pages[1]) if len(facts.pages) > 1 else None,
        "visits": facts.num_visits,
        "stages": facts.stages,
        "failures": failures(settings, registry, facts),
    }


def failures(settings: Settings, registry: Registry, facts: Facts) -> list[str]:
    """What did not hold; empty when both releases passed, the page was good and the second cycle learned from it."""
    found, bundles = [], facts.extras.get("bundle", [])
    if len(bundles) < 2:
        found.append(f"{len(bundles)} releases were built instead of two")
    for number, bundle in enumerate(bundles[:2]):
        release = registry.release(bundle["release"])
        looks = registry.transitions(bundle["release"])
        wanted = PASSED_ON if number else (Stage.LIVE, Stage.RETIRED)
        if release is None or not any(look.checks for look in looks):
            found.append(f"release {bundle['release']} did not go through the gates")
        elif release.stage not in wanted:
            found.append(f"release {release.id} stands at {release.stage}: {_bad_checks(looks)}")
    for page in facts.pages[:1]:
        shown = [slot["video"] for slot in page["videos"]]
        if len(set(shown)) != 100:
            found.append(f"the page has {len(set(shown))} distinct videos instead of 100")
        if already := watched_before(settings, page["user"], page["time"]) & {ids.key(video) for video in shown}:
            found.append(f"{len(already)} videos of the page were watched before")
        if len(bundles) > 1 and not trained_on(settings, bundles[1], page["request_id"]):
            found.append("the second release did not train on the events of the first page")
    if not facts.pages:
        found.append("no page was served")
    return found


def watched_before(settings: Settings, user: str, time: str) -> set[int]:
    """Keys of the videos that `user` had watched for at least `min_watch_s` before `time`."""
    from datetime import datetime

    import pyarrow.compute as pc

    rows = open_lake(settings.lake_path).read("watches", columns=["user", "video", "time", "seconds"])
    mine = (
        (pc.field("user") == ids.key(user))
        & (pc.field("time") < datetime.fromisoformat(time))
        & (pc.field("seconds") >= settings.features.min_watch_s)
    )
    return set(rows.filter(mine)["video"].to_pylist())


def trained_on(settings: Settings, bundle: dict[str, Any], request_id: str) -> bool:
    """Whether the ranker of `bundle` read, as the versions it names hold them, exposures of page `request_id`."""
    import pyarrow.compute as pc

    ranking = bundle["ranking"]
    first, last = ranking["windows"]
    rows = open_lake(settings.lake_path).read(
        "exposures", (first, last), version=ranking["versions"]["exposures"], columns=["request_id"]
    )
    return bool(pc.any(pc.equal(rows["request_id"], request_id)).as_py())


def lake_videos(settings: Settings) -> int:
    """Videos of the catalogue."""
    import pyarrow.compute as pc

    return int(pc.count_distinct(open_lake(settings.lake_path).read("videos", columns=["video"])["video"]).as_py())


def _release(registry: Registry, release: Any) -> dict[str, Any]:
    looks = registry.transitions(release.id)
    steps = [
        {"from": look.from_stage, "to": look.to_stage, "verdict": look.verdict, "at": look.at.isoformat()}
        for look in looks
    ]
    checks = [{"stage": look.from_stage, **check} for look in looks for check in look.checks]
    return {
        "id": release.id,
        "stage": release.stage,
        "transitions": steps,
        "checks": checks,
        "metrics": release.metrics,
    }


def _page(page: dict[str, Any]) -> dict[str, Any]:
    names = ("user", "videos", "latency_ms", "http_ms", "request_id", "release", "time", "degraded")
    return {name: page[name] for name in names if name in page}


def _bad_checks(looks: list[Any]) -> str:
    bad = [
        f"{c['name']} {c['verdict']} ({c['detail']})"
        for look in looks[-1:]
        for c in look.checks
        if c["verdict"] != "pass"
    ]
    return "; ".join(bad) or "no check was against it"
