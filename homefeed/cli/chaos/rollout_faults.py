"""Faults that show only while viewers are there: the hours of a rollout, with what the fault does to the candidate's
viewers, through the lake, the serving log and the gates that the DAGs call."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import windows
from homefeed.buckets import buckets
from homefeed.cli.chaos.outcome import Outcome, named
from homefeed.cli.chaos.platform import Platform
from homefeed.cli.chaos.traffic import HOUR_US, Hour, Traffic
from homefeed.lake import open_lake
from homefeed.registry import Stage

Mask = NDArray[np.bool_]
#: Hours of a rollout before it is said that nothing was found: as long as a release may stay undecided.
MOST_HOURS = 24
#: Exposures of an hour are published when their label windows have closed.
_PUBLISHED_S = 2 * windows.WINDOW_S


@dataclass(frozen=True)
class Effect:
    """What a fault does to what the candidate's viewers see and do.

    Attributes:
      hour: `(hour, mine, pages, random) -> Hour` changes the rows [n] that are `mine`; `pages` [p] are the candidate's.
      failed: `(hour, pages) -> [p]` pages that had to do without a part.
      drawn: `(traffic, candidate) -> [viewers]` further viewers whom the candidate answers.
    """

    hour: Callable[[Hour, Mask, Mask, np.random.Generator], Hour] = lambda hour, mine, pages, random: hour
    failed: Callable[[Hour, Mask], Mask] = lambda hour, pages: np.zeros(len(pages), bool)
    drawn: Callable[[Traffic, Platform], NDArray[np.int64]] = lambda traffic, platform: np.zeros(0, np.int64)


def fewer_watches(share: float) -> Effect:
    """A share of the watches does not happen, so that watch time and long views fall by it."""

    def change(hour: Hour, mine: Mask, pages: Mask, random: np.random.Generator) -> Hour:
        lost = mine & hour.watched & (random.random(len(hour)) < share)
        return replace(hour, watched=hour.watched & ~lost, watch_s=np.where(lost, 0.0, hour.watch_s))

    return Effect(change)


def more_dismissals(times: float) -> Effect:
    """So many times as many exposures are dismissed."""

    def change(hour: Hour, mine: Mask, pages: Mask, random: np.random.Generator) -> Hour:
        rate = (times - 1) * hour.dismissed.mean()
        return replace(hour, dismissed=hour.dismissed | (mine & (random.random(len(hour)) < rate)))

    return Effect(change)


def slower_tail(times: float) -> Effect:
    """Pages beyond the 90th percentile take so many times as long."""

    def change(hour: Hour, mine: Mask, pages: Mask, random: np.random.Generator) -> Hour:
        tail = pages & (hour.latency_ms > np.quantile(hour.latency_ms, 0.9))
        return replace(hour, latency_ms=np.where(tail, times * hour.latency_ms, hour.latency_ms))

    return Effect(change)


def failing_keys(share: float) -> Effect:
    """The online store has no answer for a share of the viewers, always the same ones."""
    return Effect(failed=lambda hour, pages: pages & (buckets("chaos", hour.page_user) < share))


def heavy_viewers() -> Effect:
    """The tenth of the viewers who watched most before is sent to the candidate, whatever their bucket."""

    def drawn(traffic: Traffic, platform: Platform) -> NDArray[np.int64]:
        from monitoring.online.pre_period import watched_before

        before = watched_before(platform.settings, windows.window_of(traffic.start), traffic.keys)
        assert before is not None
        chosen: NDArray[np.int64] = traffic.keys[before >= np.quantile(before, 0.9)]
        return chosen

    return Effect(drawn=drawn)


def roll_out(platform: Platform, traffic: Traffic, effect: Effect, candidate: str) -> Outcome:
    """Bring a CANARY through the hours, a look of the gates after each, until it is LIVE, rolled back or a day old.

    `platform` holds the day before `traffic.start` (`write_past`), and its live release answers who is in no rollout.
    """
    settings, began = platform.settings, time.perf_counter()
    live, random = platform.live.id, np.random.default_rng([traffic.seed, 11])
    platform.set_time(traffic.start)
    platform.enter(candidate, Stage.CANARY)
    place, extra = buckets(candidate, traffic.keys), effect.drawn(traffic, platform)
    order = np.argsort(traffic.keys)
    stage, exposures, hours = Stage.CANARY, 0, 0
    while stage in (Stage.CANARY, Stage.RAMP) and hours < MOST_HOURS:
        hour = traffic.hour(hours)
        share = settings.rollout.canary_share if stage == Stage.CANARY else settings.rollout.ramp_share
        chosen = (place < share) | np.isin(traffic.keys, extra)
        mine, pages = (
            chosen[order[np.searchsorted(traffic.keys, users, sorter=order)]] for users in (hour.user, hour.page_user)
        )
        changed = effect.hour(hour, mine, pages, random)
        write_exposures(platform, changed, np.where(mine, candidate, live))
        _write_pages(platform, traffic, changed, np.where(pages, candidate, live), effect.failed(changed, pages))
        exposures, hours = exposures + int(mine.sum()), hours + 1
        platform.set_time(traffic.start + timedelta(hours=hours, seconds=_PUBLISHED_S))
        stage = platform.step(candidate)
        if _is_void(platform, candidate):
            break
    looks = platform.registry.transitions(candidate)
    return Outcome(
        stage=str(stage),
        checks=named(looks[-1].checks),
        exposures=exposures,
        safe_s=hours * 3600.0 + _PUBLISHED_S,
        took_s=time.perf_counter() - began,
        live=platform.live.id,
    )


def _is_void(platform: Platform, candidate: str) -> bool:
    """Whether the newest look found the assignment broken: the comparison is void, and nothing promotes any more."""
    checks = platform.registry.transitions(candidate)[-1].checks
    return any(c["name"] in ("sample_ratio", "pre_period_balance") and "void" in c["detail"] for c in checks)


def write_past(platform: Platform, traffic: Traffic, hours: int) -> None:
    """Put what viewers did in the hours before `traffic.start` in place of the platform's own exposures."""
    lake = open_lake(platform.settings.lake_path)
    nothing = pa.table({f.name: pa.nulls(0, f.type) for f in lake.schemas["exposures"]})
    lake.replace("exposures", lake.windows("exposures"), nothing)
    for number in range(-hours, 0):
        hour = traffic.hour(number)
        write_exposures(platform, hour, np.full(len(hour), platform.live.id))
        # It is read from the lake from now on.
        traffic.forget(number)


def write_exposures(platform: Platform, hour: Hour, release: NDArray[Any]) -> None:
    """Publish the windows of an hour, `release` [n] having answered."""
    lake = open_lake(platform.settings.lake_path)
    first = int(hour.time_us.min() // HOUR_US * HOUR_US) if len(hour) else 0
    number = hour.time_us // (windows.WINDOW_S * 1_000_000)
    distinct, code = np.unique(number, return_inverse=True)
    names = np.array([windows.window_of(_time(int(n) * windows.WINDOW_S)) for n in distinct])
    schema = lake.schemas["exposures"]
    places, releases = np.unique(release, return_inverse=True)
    known = {
        "window": pa.DictionaryArray.from_arrays(code, pa.array(names)).cast(pa.string()),
        "event_id": pa.array(first + np.arange(len(hour))).cast(pa.string()),
        "time": pa.array(hour.time_us).cast(schema.field("time").type),
        "user": hour.user,
        "release": pa.DictionaryArray.from_arrays(releases, pa.array(places.astype(str))).cast(pa.string()),
        "watched": hour.watched,
        "watch_s": pa.array(hour.watch_s).cast(schema.field("watch_s").type),
        "dismissed": hour.dismissed,
    }
    columns = {f.name: known.get(f.name, pa.nulls(len(hour), f.type)) for f in schema}
    lake.replace("exposures", [str(name) for name in names], pa.table(columns).cast(schema))


def _time(seconds: int) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)


def _write_pages(platform: Platform, traffic: Traffic, hour: Hour, release: NDArray[Any], failed: Mask) -> None:
    """Append the pages of an hour to the serving log."""
    number = hour.page_us // (windows.WINDOW_S * 1_000_000)
    users = traffic.viewer_ids.take(pa.array(hour.page_viewer)).to_pylist()
    times = pa.array(hour.page_us).cast(pa.timestamp("us", "UTC")).to_pylist()
    columns = zip(users, times, release.tolist(), hour.latency_ms.tolist(), failed.tolist(), strict=True)
    lines = [
        orjson.dumps(
            {
                "request_id": str(place),
                "time": at,
                "user": user,
                "release": name,
                "stage": "",
                "latency_ms": latency,
                "degraded": ["viewer_error"] if is_failed else [],
                "num_candidates": 1000,
                "error": "",
            }
        )
        for place, (user, at, name, latency, is_failed) in enumerate(columns)
    ]
    for window in np.unique(number):
        folder = platform.settings.serving_path / windows.window_of(_time(int(window) * windows.WINDOW_S))
        folder.mkdir(parents=True, exist_ok=True)
        chosen = np.flatnonzero(number == window)
        (folder / "requests-0.jsonl").write_bytes(b"".join(lines[i] + b"\n" for i in chosen))
