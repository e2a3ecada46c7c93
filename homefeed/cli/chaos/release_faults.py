"""Faults that show before any viewer meets a release: in what it is trained on, in its files, and in its pages made in
shadow. Each is seeded in a copy of the platform and judged by the code that the DAGs call."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed import windows
from homefeed.cli.chaos.outcome import Outcome, named
from homefeed.cli.chaos.platform import Platform
from homefeed.cli.chaos.release_copy import Damage, copy_release
from homefeed.lake import open_lake
from homefeed.registry import Stage

#: Does something to a platform.
Seed = Callable[[Platform], object]
#: Pages of the shadow, a few more than the gates take.
PAGES = 50
#: From the entry into the stage to the pages, and from these to the look.
_BEFORE_S, _AFTER_S = 180.0, 900.0
#: What was withdrawn or erased so long ago must be gone from every page.
_LONG_AGO = timedelta(hours=1)


def training_input(seed: Seed) -> Callable[[Platform], Outcome]:
    """The fault is in the windows to train on; the task before each training asks for them."""

    def run(platform: Platform) -> Outcome:
        from monitoring.contract import InputContractError, require_contract

        began = time.perf_counter()
        seed(platform)
        registry = platform.registry
        try:
            require_contract(platform.settings, platform.window)
            stage = "trained"
        except InputContractError:
            stage = "training"
        checks = registry.reports("contract")[0].summary["checks"]
        return Outcome(stage, named(checks), took_s=time.perf_counter() - began, live=platform.live.id)

    return run


def damaged_release(damage: Damage, after_signing: bool = False) -> Callable[[Platform], Outcome]:
    """The fault is in the files of a release, from before its manifest was written or from `after_signing`."""

    def run(platform: Platform) -> Outcome:
        from models.bundle.store import bundle_path

        copy = copy_release(platform.settings, platform.live.id, "faulty", None if after_signing else damage)
        if after_signing:
            damage(bundle_path(platform.settings, copy))
        platform.enter(copy)
        return judged(platform, copy)

    return run


def better_but_for_some(live: Damage, candidate: Damage) -> Callable[[Platform], Outcome]:
    """Live is damaged in one way, the release in another."""

    def run(platform: Platform) -> Outcome:
        settings, whole = platform.settings, platform.live.id
        platform.enter(copy_release(settings, whole, "weaker", live), Stage.LIVE)
        copy = copy_release(settings, whole, "faulty", candidate)
        platform.enter(copy)
        return judged(platform, copy)

    return run


def damaged_platform(seed: Seed) -> Callable[[Platform], Outcome]:
    """The release is as good as live; the fault is in the tables that it is judged by."""

    def run(platform: Platform) -> Outcome:
        seed(platform)
        copy = copy_release(platform.settings, platform.live.id, "faulty")
        platform.enter(copy)
        return judged(platform, copy)

    return run


def in_shadow(seed: Seed = lambda platform: None, damage: Damage | None = None) -> Callable[[Platform], Outcome]:
    """The release makes pages in shadow for synthetic viewers, the fault seeded before."""

    def run(platform: Platform) -> Outcome:
        copy = copy_release(platform.settings, platform.live.id, "faulty", damage)
        platform.enter(copy)
        seed(platform)
        make_pages(platform)
        return judged(platform, copy)

    return run


def make_pages(platform: Platform) -> None:
    """Start the service, let viewers open pages, stop it."""
    from homefeed.world.reactions import WorldReactions
    from homefeed.world.viewers import LiveViewers
    from serving.process import start

    settings = platform.settings
    now = platform.wait(_BEFORE_S)
    with start(settings, 0, wait_s=300) as service:
        viewers = LiveViewers(settings, service.url, WorldReactions(settings))
        report = viewers.visit(PAGES, now)
        viewers.close()
    if report.num_failed:
        raise RuntimeError(f"{report.num_failed} of {PAGES} pages failed: {report.error}")
    platform.wait(_AFTER_S)


def judged(platform: Platform, release: str) -> Outcome:
    """What one look of the gates makes of a release that was entered."""
    began, entered = time.perf_counter(), platform.now
    stage = platform.step(release)
    checks = platform.registry.transitions(release)[-1].checks
    return Outcome(
        stage=str(stage),
        checks=named(checks),
        safe_s=(platform.now - entered).total_seconds(),
        took_s=time.perf_counter() - began,
        live=platform.live.id,
    )


def half_a_day_missing(platform: Platform) -> None:
    """No impression in the newest half of the day but its last hours."""
    lake = open_lake(platform.settings.lake_path)
    names = lake.windows("impressions")[-90:-18]
    rows = lake.read("impressions", (names[0], names[-1]))
    lake.replace("impressions", names, rows.slice(0, 0))


def doubled_window(platform: Platform) -> None:
    """A window was delivered again under new event ids."""
    lake = open_lake(platform.settings.lake_path)
    name = lake.windows("impressions")[-20]
    rows = lake.read("impressions", (name, name))
    again = pc.binary_join_element_wise("again", rows["event_id"], "-")
    twice = rows.set_column(rows.schema.get_field_index("event_id"), "event_id", again)
    lake.replace("impressions", [name], pa.concat_tables([rows, twice]))


def leaking_label_window(platform: Platform) -> None:
    """The viewers' aggregates of each window count what happened up to the end of the next one."""
    lake = open_lake(platform.settings.lake_path)
    names = lake.windows("user_aggregates")[-40:]
    rows = lake.read("user_aggregates", (names[1], names[-1]))
    earlier = {name: windows.shift(name, -1) for name in names}
    column = pa.array([earlier[name] for name in rows["window"].to_pylist()])
    times = pc.subtract(rows["event_timestamp"], pa.scalar(timedelta(seconds=windows.WINDOW_S), pa.duration("us")))
    rows = rows.set_column(rows.schema.get_field_index("window"), "window", column)
    at = rows.schema.get_field_index("event_timestamp")
    rows = rows.set_column(at, "event_timestamp", times.cast(rows.schema.field(at).type))
    lake.replace("user_aggregates", names[:-1], rows)


def milliseconds_online(platform: Platform) -> None:
    """The online store holds watch time in milliseconds; training reads seconds."""
    from feature_repo.store import feature_store

    lake = open_lake(platform.settings.lake_path)
    frame = lake.read("user_aggregates").to_pandas().sort_values("event_timestamp").drop_duplicates("user", keep="last")
    seconds = [name for name in frame.columns if "watch_s" in name]
    frame[seconds] = frame[seconds].astype(np.float32) * np.float32(1000)
    feature_store(platform.settings).write_to_online_store("user_aggregates", frame.drop(columns="window"))


def stale_snapshot(platform: Platform) -> None:
    """An eighth of the catalogue was withdrawn an hour ago, and the snapshot never heard of it."""
    lake = open_lake(platform.settings.lake_path)
    at = platform.now - _LONG_AGO
    name = windows.window_of(at)
    newest = lake.read("videos")
    of_video = newest.filter(pc.equal(pc.bit_wise_and(newest["video"], 7), 0))
    off = _columns(of_video, withdrawn=True, time=at, window=name, event_id="withdrawn-")
    lake.replace("videos", [name], pa.concat_tables([lake.read("videos", (name, name)), off]))


def erased_viewer_is_back(platform: Platform) -> None:
    """The viewer with most watches is erased; then a window is ingested again that has some of them."""
    from feature_repo.erasure import erase

    lake = open_lake(platform.settings.lake_path)
    users = lake.read("users", columns=["user", "user_id"])
    key = pc.mode(lake.read("watches", columns=["user"])["user"])[0]["mode"]
    name = users.filter(pc.equal(users["user"], key))["user_id"][0].as_py()
    watches = lake.read("watches")
    window = watches.filter(pc.equal(watches["user"], key))["window"][0].as_py()
    rows = lake.read("watches", (window, window))
    erase(platform.settings, name, platform.now)
    lake.replace("watches", [window], rows)


def flipped_byte(folder: Any) -> None:
    """One bit of the ranker's weights is another one."""
    file = next((folder / "ranker" / "variables").glob("*.data-*"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    # The file may be shared with the platform that this one is a copy of.
    file.unlink()
    file.write_bytes(content)


def _columns(rows: pa.Table, **values: Any) -> pa.Table:
    """The rows with some columns replaced by one value each; ids get the number of their row."""
    for name, value in values.items():
        at = rows.schema.get_field_index(name)
        column = [f"{value}{i}" for i in range(rows.num_rows)] if name == "event_id" else [value] * rows.num_rows
        rows = rows.set_column(at, rows.schema.field(at), pa.array(column, rows.schema.field(at).type))
    return rows
