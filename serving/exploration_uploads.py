"""Uploads whose first impressions are guaranteed: fresh, seen by few yet, and among the first of their channel's day.

The cap per channel and day of upload (UTC) is what a channel gets, however much it uploads: on one page, in one window
and over the day. It is read off the catalogue, so every replica agrees on it without a counter.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.settings.serving import ServingSettings
from serving.snapshot import Rows, Snapshot

_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


@dataclass(frozen=True)
class DueUploads:
    """The uploads of a snapshot of n videos that first impressions are due to.

    Attributes:
      is_due: [n] bool.
      rows: all of them, the newest first.
      by_language: those in each language, the newest first.
    """

    is_due: NDArray[np.bool_]
    rows: Rows
    by_language: dict[str, Rows]

    def some(self, language: str, num: int, rng: np.random.Generator) -> Rows:
        """At most `num` of those in a language, in any when it is empty: a run of them from a place drawn at random."""
        rows = self.by_language.get(language, self.rows[:0]) if language else self.rows
        if len(rows) <= num:
            return rows
        return np.asarray(rows[(rng.integers(len(rows)) + np.arange(num)) % len(rows)])


_Limits = tuple[float, int, int]
_known: WeakKeyDictionary[Snapshot, tuple[_Limits, DueUploads]] = WeakKeyDictionary()


def due_uploads(snapshot: Snapshot, settings: ServingSettings) -> DueUploads:
    """Those of a snapshot, as of the end of its window; found once per snapshot, not per request."""
    limits = (settings.fresh_h, settings.new_impressions, settings.guaranteed_per_channel)
    found = _known.get(snapshot)
    if found is None or found[0] != limits:
        found = (limits, _find(snapshot, limits))
        _known[snapshot] = found
    return found[1]


def _find(snapshot: Snapshot, limits: _Limits) -> DueUploads:
    fresh_h, new_impressions, per_channel = limits
    uploaded = snapshot.columns["uploaded"]
    oldest_us = int(windows.end(snapshot.window).timestamp() * 1_000_000) - int(fresh_h * _HOUR_US)
    fresh = np.flatnonzero(uploaded > oldest_us)
    place = _place_in_day(snapshot.columns["channel"][fresh], uploaded[fresh])
    seen_by_few = snapshot.columns["video_impressions_7d"][fresh] < new_impressions
    due = fresh[seen_by_few & (place < per_channel)]
    is_due = np.zeros(len(snapshot), bool)
    is_due[due] = True
    rows = due[np.argsort(-uploaded[due], kind="stable")]
    language = snapshot.columns["language"][rows]
    return DueUploads(is_due, rows, {name: rows[language == name] for name in set(language)})


def _place_in_day(channel: NDArray[np.int64], uploaded: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many the same channel uploaded before it on the same day; shapes [f], [f] -> [f]."""
    order = np.lexsort((uploaded, uploaded // _DAY_US, channel))
    day = uploaded[order] // _DAY_US
    begins = np.ones(len(order), bool)
    begins[1:] = (channel[order][1:] != channel[order][:-1]) | (day[1:] != day[:-1])
    starts = np.flatnonzero(begins)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return place
