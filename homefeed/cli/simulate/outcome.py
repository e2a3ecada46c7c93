"""What happened to viewers and uploads while a policy made the pages."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed.cli.simulate.expected import TO_THE_END, expected
from homefeed.world.site import DAY_US, HOUR_US, Site
from homefeed.world.vocabulary import DEVICES, TOPICS

Floats = NDArray[np.float64]
#: A watch shorter than this is none.
_LEAST_S = 5.0
_COLUMNS = {"impression": ("request_id", "slot", "device"), "watch": ("request_id", "seconds"), "feedback": ("kind",)}
#: Impressions after which an upload has had its chance.
REACHED = 100


@dataclass(frozen=True)
class Measures:
    """The outcome of one run.

    Attributes:
      watch_s: [people] seconds watched a day by each viewer who is no bot.
      discovered: [people] topics discovered a day: not watched before, and then watched again or to the end.
      expected_s, expected_discovered: [people] the same two as the site expected them of what was shown (`expected`).
      knew: [people] whether the viewer had watched any topic before: to the others every topic is new.
      dismissed: [people] dismissals a day.
      reached_h: [uploads] hours from upload to impression number `REACHED`; infinite when it took over a day.
      gini: inequality of the impressions over channels, 0 (all alike) to 1.
    """

    watch_s: Floats
    discovered: Floats
    expected_s: Floats
    expected_discovered: Floats
    knew: NDArray[np.bool_]
    dismissed: Floats
    reached_h: Floats
    gini: float


class Outcome:
    """Takes the events of a run as they are made.

    Args:
      site: whose viewers and videos they are of.
      start: when the run begins.
      days: how long it is.
    """

    def __init__(self, site: Site, start: datetime, days: int) -> None:
        self._site, self._days = site, days
        self._start_us = round(start.timestamp() * 1e6)
        self._end_us = round((start + timedelta(days=days)).timestamp() * 1e6)
        self._rows: dict[str, list[pa.Table]] = {"impression": [], "watch": [], "feedback": []}

    def add(self, events: list[dict[str, Any]]) -> None:
        """Events as they are posted."""
        for kind, tables in self._rows.items():
            chosen = [event for event in events if event["type"] == kind]
            if chosen:
                columns = ("user", "video", "time", *_COLUMNS[kind])
                tables.append(pa.table({name: [event[name] for event in chosen] for name in columns}))

    def measures(self, watched_before: NDArray[np.bool_]) -> Measures:
        """What the run came to; `watched_before` [viewers, topics] says what was watched before it."""
        site, people = self._site, ~self._site.audience.is_bot
        requests = pc.unique(pa.concat_tables(self._rows["impression"]).column("request_id"))
        watches, feedback, seen = (self._columns(kind, requests) for kind in ("watch", "feedback", "impression"))
        counted = watches["seconds"] >= _LEAST_S
        total = np.bincount(watches["viewer"], watches["seconds"] * counted, len(people))
        negative = np.isin(feedback["kind"], ["dislike", "not_interested", "report"])
        dismissed = np.bincount(feedback["viewer"][negative], minlength=len(people))
        meant = expected(site, seen, {name: column[counted] for name, column in watches.items()}, watched_before)
        reach = np.bincount(site.videos.channel[seen["video"]], minlength=len(site.channels)).astype(np.float64)
        return Measures(
            watch_s=total[people] / self._days,
            discovered=self._discovered(watches, counted, watched_before)[people] / self._days,
            expected_s=meant.watch_s[people] / self._days,
            expected_discovered=meant.discovered[people] / self._days,
            knew=np.asarray(watched_before.any(axis=1))[people],
            dismissed=dismissed[people] / self._days,
            reached_h=self._reached(seen),
            gini=gini(reach),
        )

    def _discovered(self, watches: dict[str, Any], counted: NDArray[np.bool_], before: NDArray[np.bool_]) -> Floats:
        viewer, video = watches["viewer"][counted], watches["video"][counted]
        cell = viewer * len(TOPICS) + self._site.videos.topic[video]
        to_the_end = watches["seconds"][counted] >= TO_THE_END * self._site.videos.duration_s[video]
        num = np.bincount(cell, minlength=before.size)
        ended = np.bincount(cell, to_the_end, before.size)
        went_on = ((num >= 2) | (ended > 0)).reshape(before.shape) & ~before
        return np.asarray(went_on.sum(axis=1), np.float64)

    def _reached(self, seen: dict[str, Any]) -> Floats:
        """Of the uploads that a whole day follows."""
        uploaded = self._site.videos.uploaded_us
        uploads = np.flatnonzero((uploaded >= self._start_us) & (uploaded < self._end_us - DAY_US))
        order = np.lexsort((seen["time_us"], seen["video"]))
        video, time_us = seen["video"][order], seen["time_us"][order]
        place = np.searchsorted(video, uploads) + REACHED - 1
        is_there = place < len(video)
        place = np.minimum(place, len(video) - 1)
        hours = (time_us[place] - uploaded[uploads]) / HOUR_US
        return np.where(is_there & (video[place] == uploads) & (hours <= 24), hours, np.inf)

    def _columns(self, kind: str, requests: pa.Array) -> dict[str, Any]:
        table = pa.concat_tables(self._rows[kind])
        time = pc.cast(
            pc.strptime(pc.utf8_slice_codeunits(table.column("time"), 0, 19), "%Y-%m-%dT%H:%M:%S", "us"), "int64"
        )
        columns: dict[str, Any] = {
            "viewer": pc.index_in(table.column("user"), self._site.viewer_ids).to_numpy().astype(np.int64),
            "video": pc.index_in(table.column("video"), self._site.video_ids).to_numpy().astype(np.int64),
            "time_us": time.to_numpy(),
        }
        if "request_id" in table.column_names:
            request = pc.index_in(table.column("request_id"), requests)
            columns["request"] = pc.fill_null(request, -1).to_numpy().astype(np.int64)
        if "seconds" in table.column_names:
            columns["seconds"] = table.column("seconds").to_numpy()
        if "slot" in table.column_names:
            columns["slot"] = table.column("slot").to_numpy()
            device = pc.index_in(table.column("device"), pa.array(DEVICES))
            columns["device"] = pc.fill_null(device, 0).to_numpy().astype(np.int64)
        if "kind" in table.column_names:
            columns["kind"] = np.asarray(table.column("kind").to_pylist(), object)
        return columns


def watched_topics(site: Site, watches: pa.Table) -> NDArray[np.bool_]:
    """[viewers, topics] True where the viewer watched a video of the topic; `watches` has keys in `user`, `video`."""
    known = np.zeros((len(site.audience), len(TOPICS)), bool)
    known[site.viewers_of(watches.column("user")), site.videos.topic[site.videos_of(watches.column("video"))]] = True
    return known


def gini(amounts: Floats) -> float:
    """Half the mean difference between two of the amounts, over their mean: 0 when all are alike, near 1 when one has
    all (Gini 1912)."""
    if len(amounts) == 0 or amounts.sum() == 0:
        return 0.0
    ranked = np.sort(amounts)
    place = np.arange(1, len(ranked) + 1)
    return float(2 * (place * ranked).sum() / (len(ranked) * ranked.sum()) - (len(ranked) + 1) / len(ranked))
