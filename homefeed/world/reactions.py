"""What decides how live viewers react to a page: the site's truth, or the future that a real log held out."""

import heapq
import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed.settings import Settings
from homefeed.world import event_rows, names
from homefeed.world.activity import Impressions, rate_by_country, visits
from homefeed.world.behaviour import react
from homefeed.world.build import build_site, open_site
from homefeed.world.catalogue import Ints
from homefeed.world.scroll import Event, events, impressions
from homefeed.world.site import WorldError
from homefeed.world.vocabulary import DEVICES

Pages = Sequence[dict[str, Any]]
_SECOND_US = 1_000_000
#: Sent at once, since a page is over soon: events up to here ahead; ingestion accepts clocks that are this much fast.
AHEAD = timedelta(seconds=240)


@dataclass(frozen=True)
class Visitor:
    """Who opens the page, and on what."""

    user: str
    device: str


class Reactions(Protocol):
    """Who comes, what they do, and what else happens on the site."""

    def visitors(self, num: int, time: datetime) -> list[Visitor]:
        """Those who open the page at a time."""

    def rate(self, time: datetime) -> float:
        """Visits per second at a time."""

    def react(self, users: Sequence[str], pages: Pages, time: datetime) -> list[Event]:
        """Events, ready to post: impressions of what is scrolled to, and what follows.

        Args:
          users: who sees each page.
          pages: answers of `POST /recommend`, in which `device` may be set; shape [users].
          time: when the pages are opened; does not go back from call to call.

        Returns:
          Events of `time` and the next minutes. Those of a later time come with a later call, which may be one
          without pages.
        """


class WorldReactions:
    """Reactions from the truth of the synthetic site; uploads of its channels come with them.

    Args:
      settings: of the site.
      end: end of its history; None takes it from the history under `settings.var`.
    """

    def __init__(self, settings: Settings, end: datetime | None = None) -> None:
        self.site = open_site(settings) if end is None else build_site(settings.world, settings.seed, end)
        self._rng = np.random.default_rng([settings.seed, 7])
        self._ids = _EventIds()
        self._later: list[tuple[str, int, Event]] = []
        self._order = itertools.count()
        self._uploaded_until = self.site.end

    def visitors(self, num: int, time: datetime) -> list[Visitor]:
        """Viewers drawn by activity and the hour where they live."""
        made = visits(self.site, _us(time), _SECOND_US, self._rng, num)
        users = self.site.viewer_ids.take(pa.array(made.viewer)).to_pylist()
        return [Visitor(user, DEVICES[device]) for user, device in zip(users, made.device, strict=True)]

    def draw_from(self, rng: np.random.Generator) -> None:
        """Take chance from `rng` from here on, so that two runs meet the same."""
        self._rng = rng

    def rate(self, time: datetime) -> float:
        """As in the history."""
        return float(rate_by_country(self.site, _us(time)).sum()) / timedelta(days=1).total_seconds()

    def react(self, users: Sequence[str], pages: Pages, time: datetime) -> list[Event]:
        """The same behaviour as in the history."""
        prefix = self._ids.prefix()
        seen = impressions(users, pages, time, self.site.world.slots_seen, self._rng)
        indexed = Impressions(
            seen.column("visit").to_numpy(),
            _index(seen.column("user"), self.site.viewer_ids, "viewer"),
            _index(seen.column("video"), self.site.video_ids, "video"),
            seen.column("slot").to_numpy().astype(np.int64),
            seen.column("time").cast(pa.int64()).to_numpy(),
            # A device that the site does not know behaves as its first.
            pc.fill_null(pc.index_in(seen.column("device"), pa.array(DEVICES)), 0).to_numpy().astype(np.int8),
        )
        reaction = react(self.site, indexed, self._rng)
        requests = pa.array([page["request_id"] for page in pages], pa.string())
        tables = [
            _with_ids(seen, prefix),
            event_rows.watch_rows(self.site, indexed, reaction.watches, requests, prefix),
            event_rows.feedback_rows(self.site, indexed, reaction.feedback, requests, prefix),
        ]
        if time > self._uploaded_until:
            tables.append(event_rows.upload_rows(self.site, _us(self._uploaded_until), _us(time)))
            self._uploaded_until = time
        return self._due([event for table in tables for event in events(table)], time)

    def _due(self, made: list[Event], time: datetime) -> list[Event]:
        """What can be posted now, of these events and of those that waited, in order of time."""
        for event in made:
            heapq.heappush(self._later, (event["time"], next(self._order), event))
        limit = (time.astimezone(UTC) + AHEAD).isoformat(timespec="microseconds")
        due = []
        while self._later and self._later[0][0] <= limit:
            due.append(heapq.heappop(self._later)[2])
        return due


class ReplayReactions:
    """Reactions of a real log's viewers: each watches, once, what the log's held-out future says.

    A viewer watches the page's videos that are in the future, and then goes on to the next ones of it by way of search
    or a link: on a site, most views do not come from the page. With the page's alone, what is watched would be an
    echo of what is shown.

    Args:
      held_out: the newest watches of the log, which training never saw: columns user, video, seconds, liked, in order
        of time.
      seed: of depth, pace and who comes.
      slots_seen: mean slots that a viewer scrolls to.
      elsewhere: watches of a visit that do not come from the page.
      visits_per_s: rate of the live mode.
    """

    def __init__(
        self,
        held_out: pa.Table,
        seed: int = 0,
        slots_seen: float = 30.0,
        elsewhere: int = 5,
        visits_per_s: float = 1.0,
    ) -> None:
        if not len(held_out):
            raise WorldError("nothing was held out of the log, so its viewers have no future to replay")
        future = held_out.select(["user", "video", "seconds", "liked"])
        self._future = future.append_column("place", pa.array(np.arange(len(future))))
        self._elsewhere = elsewhere
        self._users = self._future.column("user")
        self._rng = np.random.default_rng([seed, 8])
        self._ids = _EventIds()
        self._slots_seen, self._visits_per_s = slots_seen, visits_per_s

    def visitors(self, num: int, time: datetime) -> list[Visitor]:
        """Viewers who have a future, drawn by how much of it there was."""
        rows = self._rng.integers(len(self._users), size=num)
        return [Visitor(user, "other") for user in self._users.take(pa.array(rows)).to_pylist()]

    def rate(self, time: datetime) -> float:
        """The same at every time."""
        return self._visits_per_s

    def react(self, users: Sequence[str], pages: Pages, time: datetime) -> list[Event]:
        """A watch five seconds after the first impression of each held-out pair, then one each half minute of what the
        log says next; a like ten seconds after where the log has one."""
        prefix = self._ids.prefix()
        seen = impressions(users, pages, time, self._slots_seen, self._rng)
        shown = seen.group_by(["user", "video"], use_threads=False).aggregate(
            [("request_id", "first"), ("time", "min")]
        )
        found = self._future.join(shown, ["user", "video"], join_type="inner")
        found = found.sort_by([(c, "ascending") for c in ("time_min", "user", "video")])
        found = found.append_column("time_us", pc.add(found.column("time_min").cast(pa.int64()), 5 * _SECOND_US))
        self._future = self._future.join(shown, ["user", "video"], join_type="left anti").sort_by("place")
        sought = self._next_of(sorted(set(users)), _us(time))
        found = pa.concat_tables(
            [found.rename_columns({"request_id_first": "request_id"}), sought], promote_options="default"
        )
        tables = [_with_ids(seen, prefix), _replayed("watch", f"{prefix}-w", found, 0, seconds=found.column("seconds"))]
        liked = found.filter(found.column("liked"))
        tables.append(_replayed("feedback", f"{prefix}-f", liked, 10, kind=pa.repeat("like", len(liked))))
        return [event for table in tables for event in events(table)]

    def _next_of(self, users: list[str], visit_us: int) -> pa.Table:
        """The next watches of these viewers' futures, which are then past; `request_id` is null."""
        mine = np.asarray(pc.is_in(self._future.column("user"), pa.array(users, pa.string())))
        rows = self._future.filter(mine).sort_by([("user", "ascending"), ("place", "ascending")])
        user = np.asarray(rows.column("user").combine_chunks().dictionary_encode().indices)
        nth = np.arange(len(user)) - np.searchsorted(user, user)
        is_next = nth < self._elsewhere
        sought, at_us = rows.filter(is_next), visit_us + 30 * _SECOND_US * (1 + nth[is_next])
        left = ~np.isin(self._future.column("place").to_numpy(), sought.column("place").to_numpy())
        self._future = self._future.filter(left)
        return sought.append_column("time_us", pa.array(at_us)).append_column(
            "request_id", pa.nulls(len(sought), pa.string())
        )


class _EventIds:
    """Starts of event ids that no other process and no earlier run has used."""

    def __init__(self) -> None:
        self._run = uuid.uuid4().hex[:12]
        self._count = itertools.count()

    def prefix(self) -> str:
        return f"live-{self._run}-{next(self._count)}"


def _replayed(event_type: str, prefix: str, found: pa.Table, after_s: int, **columns: Any) -> pa.Table:
    time_us = found.column("time_us").to_numpy() + after_s * _SECOND_US
    columns |= {name: found.column(name) for name in ("user", "video", "request_id")}
    return event_rows.rows(event_type, prefix, time_us, **columns)


def _with_ids(seen: pa.Table, prefix: str) -> pa.Table:
    return seen.drop_columns(["visit"]).append_column("event_id", names.numbered(f"{prefix}-i", len(seen), 1))


def _us(time: datetime) -> int:
    return round(time.timestamp() * 1e6)


def _index(identifiers: pa.ChunkedArray, known: pa.Array, what: str) -> Ints:
    """Place of each id among the site's. Raises WorldError for ids of another site."""
    found = pc.index_in(identifiers, known)
    if found.null_count:
        stranger = identifiers.filter(pc.is_null(found))[0]
        raise WorldError(f"{what} {stranger} is not of this synthetic site: the service has the events of another one")
    places: Ints = found.to_numpy().astype(np.int64)
    return places
