"""Viewer state: one row is one viewer at the end of a window in which something about the viewer changed."""

from collections.abc import Sequence

import ibis
from ibis.expr.types import Column, Table

from feature_repo.catalogue import newest_videos
from feature_repo.due import changed_windows
from feature_repo.exposures import FEEDBACK_TARGETS
from feature_repo.lake_tables import LakeTables, open_tables, window_grid, window_index
from homefeed.settings import Settings
from homefeed.settings.features import FeatureSettings


def publish_user_state(settings: Settings, windows: Sequence[str]) -> dict[str, int]:
    """Bring table `user_state` up to date after events of `windows` changed, in one commit.

    Later windows are replaced too: the history of a viewer holds what happened at any time before.

    Returns:
      Version of the table after the commit.
    """
    with open_tables(settings) as tables:
        wanted = changed_windows(windows, tables.lake.windows("user_state"), reach=None)
        if not wanted:
            return {"user_state": tables.lake.version("user_state")}
        rows = user_state(tables, wanted, settings.features)
        return {"user_state": tables.replace("user_state", wanted, rows, order=("user",))}


def user_state(tables: LakeTables, wanted: Sequence[str], settings: FeatureSettings) -> Table:
    """Rows of `user_state` for the windows `wanted`.

    What a viewer did is collected once, in time order, and each row takes its beginning: a row costs its own length,
    not the length of the viewer's past.
    """
    last = wanted[-1]
    grid = tables.memory(window_grid(wanted))
    watched, dismissed, subscribed = (tables.keep(t) for t in _actions(tables, last, settings))
    profile = tables.keep(_profiles(tables, last))
    kinds = {"watched": watched, "dismissed": dismissed, "subscribed": subscribed, "profile": profile}
    changes = ibis.union(
        *(
            table.group_by("user", "index").aggregate(
                **{f"num_{k}": table.count() if k == kind else ibis.literal(0, "int64") for k in kinds}
            )
            for kind, table in kinds.items()
        )
    )
    changes = changes.group_by("user", "index").aggregate(**{f"num_{k}": changes[f"num_{k}"].sum() for k in kinds})
    running = ibis.window(group_by="user", order_by="index", rows=(None, 0))
    states = changes.select("user", "index", **{f"num_{k}": changes[f"num_{k}"].sum().over(running) for k in kinds})
    states = tables.keep(states.join(grid, "index"))
    users = states.select("user").distinct()
    states = _join(states, profile.drop("index"), [("user", "user"), ("num_profile", "rank")])
    for lists in (
        _collect(watched.semi_join(users, "user"), "watched", ("video", "at", "fraction")),
        _collect(dismissed.semi_join(users, "user"), "dismissed", ("video",)),
        _collect(subscribed.semi_join(users, "user"), "subscribed", ("channel",)),
    ):
        states = _join(states, lists, [("user", "user")])
    kept = settings.watched_length
    return states.select(
        "window",
        "event_timestamp",
        "user",
        "country",
        "language",
        "age",
        history_videos=_newest(states.watched_video, states.num_watched, settings.history_length),
        history_times=_newest(states.watched_at, states.num_watched, settings.history_length),
        history_fractions=_newest(states.watched_fraction, states.num_watched, settings.history_length),
        watched_videos=_newest(states.watched_video, states.num_watched, kept).unique().sort(),
        dismissed_videos=_newest(states.dismissed_video, states.num_dismissed, kept).unique().sort(),
        subscribed_channels=_newest(states.subscribed_channel, states.num_subscribed, kept).unique().sort(),
        blocked_channels=states.blocked_channels.fill_null(ibis.literal([], type="array<int64>")),
    )


def _actions(tables: LakeTables, last: str, settings: FeatureSettings) -> tuple[Table, Table, Table]:
    """Watches that count, dismissals and subscriptions up to window `last`.

    Watches and subscriptions of videos in the catalogue only: of others neither length nor channel is known.
    """
    videos = newest_videos(tables.table("videos")).select("video", "channel", "duration_s")
    watches = tables.table("watches", None, last).join(videos, "video")
    feedback = tables.table("feedback", None, last)
    watches = watches.filter(watches.seconds >= settings.min_watch_s)
    fraction = (watches.duration_s > 0).ifelse(ibis.least(watches.seconds / watches.duration_s, 1.0), 1.0)
    said = feedback.join(videos, "video")
    return (
        watches.select(
            "user",
            "video",
            "time",
            "event_id",
            index=window_index(watches.time),
            at=(watches.time.epoch_seconds() * 1_000_000).round().cast("int64"),
            fraction=fraction.cast("float32"),
        ),
        feedback.filter(feedback.kind.isin(FEEDBACK_TARGETS["dismissed"])).select(
            "user", "video", "time", "event_id", index=window_index(feedback.time)
        ),
        said.filter(said.kind.isin(FEEDBACK_TARGETS["subscribed"])).select(
            "user", "channel", "time", "event_id", index=window_index(said.time)
        ),
    )


def _profiles(tables: LakeTables, last: str) -> Table:
    """Profile changes, numbered from 1 per viewer."""
    users = tables.table("users", None, last)
    order = ibis.window(group_by="user", order_by=["time", "event_id"])
    return users.select(
        "user",
        "country",
        "language",
        "age",
        "blocked_channels",
        index=window_index(users.time),
        rank=ibis.row_number().over(order) + 1,
    )


def _collect(actions: Table, kind: str, columns: Sequence[str]) -> Table:
    order = ("time", "event_id")
    return actions.group_by("user").aggregate(
        **{f"{kind}_{c}": actions[c].collect(order_by=[actions[o] for o in order]) for c in columns}
    )


def _join(states: Table, right: Table, keys: Sequence[tuple[str, str]]) -> Table:
    joined = states.left_join(right, [states[a] == right[b] for a, b in keys], rname="{name}_right")
    return joined.drop(*(c for c in joined.columns if c.endswith("_right") or c == "rank"))


def _newest(values: Column, count: Column, length: int) -> Column:
    """The newest `length` of the first `count` values; empty when there are none."""
    begin = ibis.greatest(count - length, 0)
    return values[begin:count].fill_null(ibis.literal([], type=values.type()))
