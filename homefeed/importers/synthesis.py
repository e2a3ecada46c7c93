"""From ratings to events: what a rating stands for, and the page it might have been on.

The rules, which `homefeed import` prints:

- A rating is a watch of `rating / 5` of the film; every film lasts ten minutes. 4 and more is also a like, 2 and less
  a `not_interested`, both ten seconds after the watch starts.
- Times of ratings are when they were typed. The span of the whole log is scaled linearly onto the
  days that are asked for.
- Each watch gets a page of up to ten impressions five seconds before it: the film itself, and films drawn by how often
  they had been watched until then among those that the viewer had not. Slots are in random order.
  All are `synthesised`.
- Films were uploaded 30 days before the log begins. The channel of a film is its main genre and decade.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed.importers.ratings import Ratings
from homefeed.schema import EVENTS, TIME, arrow_schema

DURATION_S = 600.0
MAX_RATING = 5.0
LIKE_FROM, DISMISS_TO = 4.0, 2.0
PAGE = 10
UPLOADED_BEFORE = timedelta(days=30)
_SHOWN_BEFORE_S, _FEEDBACK_AFTER_S, _MARGIN_S = 5, 10, 60
#: Draws per page: enough that nine others remain where the log has them, after doubles and watched films are taken out.
_DRAWS = 3 * PAGE
_CHUNK = 100_000
_YEAR = re.compile(r"\((\d{4})")


def decade(title: str) -> str:
    """`1990s` for a title with its year in brackets, as MovieLens writes it; `undated` without one."""
    found = _YEAR.search(title)
    return f"{found.group(1)[:3]}0s" if found else "undated"


@dataclass(frozen=True)
class Synthesis:
    """A log of ratings on a time axis of our own.

    Attributes:
      log: the ratings.
      begin, end: the span that they are scaled onto.
      prefix: start of every event id; one log imported at two ends is two histories.
      seed: seed of the made-up pages.
    """

    log: Ratings
    begin: datetime
    end: datetime
    prefix: str
    seed: int

    def times(self) -> np.ndarray:
        """Times of the ratings [us], from `begin` to `end`."""
        typed = self.log.ratings.column("time").to_numpy().astype(np.float64)
        first, last = typed[0], typed[-1]
        begin, end = self.begin.timestamp() + _MARGIN_S, self.end.timestamp() - _MARGIN_S
        pace = (end - begin) / (last - first) if last > first else 0.0
        times: np.ndarray = ((begin + (typed - first) * pace) * 1e6).astype(np.int64)
        return times

    def videos(self) -> pa.Table:
        """One `video` event per film, at the beginning."""
        films = self.log.films
        num = films.num_rows
        titles, genres = films.column("title").to_pylist(), films.column("genres")
        decades = [decade(title) for title in titles]
        channels = [f"channel-{main[0]}-{years}"[:64] for main, years in zip(genres.to_pylist(), decades, strict=True)]
        return _events(
            "video",
            event_id=self._ids("v", num),
            time=pa.array([self.begin] * num, TIME),
            video=_prefixed("film-", films.column("film")),
            channel=channels,
            title=titles,
            topics=genres,
            duration_s=np.full(num, DURATION_S),
            language=["en"] * num,
            uploaded=pa.array([self.begin - UPLOADED_BEFORE] * num, TIME),
        )

    def users(self) -> pa.Table:
        """One `user` event per user, at the beginning."""
        users = self.log.users
        return _events(
            "user",
            event_id=self._ids("u", users.num_rows),
            time=pa.array([self.begin] * users.num_rows, TIME),
            user=_prefixed("viewer-", users.column("user")),
            age=users.column("age"),
        )

    def watches(self, times: np.ndarray) -> pa.Table:
        """One watch per rating."""
        ratings = self.log.ratings
        return _events(
            "watch",
            event_id=self._ids("w", len(times)),
            time=_as_time(times),
            user=_prefixed("viewer-", ratings.column("user")),
            video=_prefixed("film-", ratings.column("film")),
            request_id=self._ids("r", len(times)),
            seconds=np.clip(ratings.column("rating").to_numpy() / MAX_RATING, 0, 1) * DURATION_S,
        )

    def feedback(self, times: np.ndarray) -> pa.Table:
        """A like or a dismissal for each rating that is one."""
        ratings = self.log.ratings
        stars = ratings.column("rating").to_numpy()
        said = np.flatnonzero((stars >= LIKE_FROM) | (stars <= DISMISS_TO))
        rows = ratings.take(said)
        return _events(
            "feedback",
            event_id=self._ids("f", len(times)).take(pa.array(said)),
            time=_as_time(times[said] + _FEEDBACK_AFTER_S * 1_000_000),
            user=_prefixed("viewer-", rows.column("user")),
            video=_prefixed("film-", rows.column("film")),
            request_id=self._ids("r", len(times)).take(pa.array(said)),
            kind=np.where(stars[said] >= LIKE_FROM, "like", "not_interested"),
        )

    def impressions(self, times: np.ndarray) -> Iterator[pa.Table]:
        """The made-up pages, some ratings at a time."""
        ratings = self.log.ratings
        users = ratings.column("user").combine_chunks().dictionary_encode()
        films = ratings.column("film").combine_chunks().dictionary_encode()
        pages = _Pages(users.indices.to_numpy(), films.indices.to_numpy(), len(films.dictionary))
        viewer_ids, film_ids = _prefixed("viewer-", users.dictionary), _prefixed("film-", films.dictionary)
        request_ids = self._ids("r", len(times))
        rng = np.random.default_rng(self.seed)
        for start in range(0, len(times), _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, len(times)))
            page, shown = pages.draw(rows, rng)
            slot = np.argsort(rng.random((len(rows), PAGE)), axis=1).ravel()
            place = np.flatnonzero(shown.ravel())
            row, film = np.repeat(rows, PAGE)[place], page.ravel()[place]
            requests = request_ids.take(pa.array(row))
            num = len(row)
            yield _events(
                "impression",
                event_id=pc.binary_join_element_wise(requests, pa.array(place % PAGE).cast(pa.string()), "-"),
                time=_as_time(times[row] - _SHOWN_BEFORE_S * 1_000_000),
                user=viewer_ids.take(pa.array(pages.users[row])),
                video=film_ids.take(pa.array(film)),
                request_id=requests,
                slot=slot[place],
                surface=["other"] * num,
                device=["other"] * num,
                source=["other"] * num,
                explored=np.zeros(num, dtype=bool),
                synthesised=np.ones(num, dtype=bool),
            )

    def _ids(self, kind: str, num: int) -> pa.Array:
        return _prefixed(f"{self.prefix}-{kind}-", pa.array(np.arange(num)).cast(pa.string()))


@dataclass
class _Pages:
    """Pages for ratings in order of time, as numbers of users and films, shape [n]."""

    users: np.ndarray
    films: np.ndarray
    num_films: int

    def __post_init__(self) -> None:
        pair = self.users.astype(np.int64) * self.num_films + self.films
        self._pairs, self._first = np.unique(pair, return_index=True)

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Films of a page per row [len(rows), PAGE], the watched one first, and which of them are shown, same shape."""
        # A film of a rating before this one, all alike: that is a draw by how often films were watched so far.
        earlier = (rng.random((len(rows), _DRAWS)) * rows[:, None]).astype(np.int64)
        drawn = self.films[earlier]
        pair = self.users[rows].astype(np.int64)[:, None] * self.num_films + drawn
        at = np.minimum(np.searchsorted(self._pairs, pair), len(self._pairs) - 1)
        watched = (self._pairs[at] == pair) & (self._first[at] <= rows[:, None])
        usable = ~watched & (rows[:, None] > 0) & ~_repeats(drawn)
        order = np.argsort(~usable, axis=1, kind="stable")[:, : PAGE - 1]
        page = np.concatenate([self.films[rows][:, None], np.take_along_axis(drawn, order, axis=1)], axis=1)
        shown = np.concatenate([np.ones((len(rows), 1), bool), np.take_along_axis(usable, order, axis=1)], axis=1)
        return page, shown


def _repeats(values: np.ndarray) -> np.ndarray:
    """Which entries of a row [n, k] have been there before in it."""
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    again = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return again


def _prefixed(prefix: str, column: pa.Array | pa.ChunkedArray) -> pa.Array:
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.binary_join_element_wise(prefix, column, "")


def _as_time(microseconds: np.ndarray) -> pa.Array:
    return pa.array(microseconds, pa.timestamp("us")).cast(TIME)


def _events(event_type: str, **columns: Any) -> pa.Table:
    """A table of events of one type in the edge schema; columns that are not given are null."""
    schema = arrow_schema(EVENTS[event_type])
    num = len(columns["event_id"])
    columns["type"] = [event_type] * num
    arrays = [
        pa.nulls(num, f.type)
        if f.name not in columns
        else columns[f.name].cast(f.type)
        if isinstance(columns[f.name], pa.Array | pa.ChunkedArray)
        else pa.array(columns[f.name]).cast(f.type)
        for f in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
