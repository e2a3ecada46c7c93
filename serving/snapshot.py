"""The catalogue in memory: one Arrow file of all servable videos with their features, as columns and orders.

A row is one video. Everything a request needs is an array prepared once per snapshot, so that a request only indexes.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed.errors import HomefeedError
from models.membership import places
from models.snapshot_rows import SnapshotRows
from serving.texts import Coded, TextLists, Texts

Rows = NDArray[np.int64]
_STRINGS = ("video_id", "channel_id", "title", "topic", "language")
_LISTS = ("topics", "countries")


class SnapshotError(HomefeedError):
    """A snapshot cannot be read, or is not sorted by video."""


class Snapshot:
    """One snapshot.

    Attributes:
      window: the window at whose end the features hold.
      table: the Arrow table.
      keys: [n] int64 video keys, ascending.
      columns: column -> [n], for every number; `uploaded` is int64 microseconds since 1970 UTC; `topic_code` is a small
        number for each topic, 0 when unknown. `topic` and `language` are `Coded` strings, empty when unknown.
      num_topics: the largest of `topic_code`.
    """

    def __init__(self, window: str, table: pa.Table) -> None:
        self.window = window
        self.table = table.combine_chunks()
        self.columns: dict[str, Any] = {
            name: _numpy(self.table.column(name)) for name in table.schema.names if name not in (*_STRINGS, *_LISTS)
        }
        self.keys: NDArray[np.int64] = self.columns["video"]
        if np.any(self.keys[1:] <= self.keys[:-1]):
            raise SnapshotError(f"the snapshot of {window} is not sorted by video, or holds one twice")
        self.columns |= {name: Coded(self.table.column(name)) for name in ("topic", "language")}
        self.columns["topic_code"] = _numbered(self.columns["topic"])
        self.num_topics = int(self.columns["topic_code"].max(initial=0))
        self._countries: dict[str, NDArray[np.bool_]] = {}

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def read(cls, file: Path) -> "Snapshot":
        """Map a snapshot file into memory. Raises SnapshotError when it is not one."""
        try:
            with pa.memory_map(str(file)) as source:
                table = pa.ipc.open_file(source).read_all()
            return cls(file.stem, table)
        except (OSError, pa.ArrowInvalid, KeyError) as error:
            raise SnapshotError(f"the snapshot {file} cannot be read: {error}") from error

    def prepared(self) -> "Snapshot":
        """The same, with its orders made now instead of by the first request that needs them."""
        _ = self.trending, self.newest, self._by_channel, self._by_language
        _ = self.ids, self.titles, self.topics, self.channels
        return self

    def rows_of(self, keys: NDArray[np.int64]) -> Rows:
        """Rows of those `keys` that are in the snapshot, in order; the others are left out."""
        rows = self.places_of(keys)
        return np.asarray(rows[rows >= 0])

    def places_of(self, keys: NDArray[np.int64]) -> Rows:
        """Row of each of `keys` [m], [m]; -1 for one that is not in the snapshot."""
        return places(self.keys, keys)

    @cached_property
    def ids(self) -> Texts:
        """Ids of the videos."""
        return Texts(self.table.column("video_id"))

    @cached_property
    def titles(self) -> Texts:
        """Their titles."""
        return Texts(self.table.column("title"))

    @cached_property
    def topics(self) -> TextLists:
        """Their topics, the main one first."""
        return TextLists(self.table.column("topics"))

    @cached_property
    def channels(self) -> Coded:
        """[n] ids of their channels."""
        return Coded(self.table.column("channel_id"))

    @cached_property
    def trending_score(self) -> NDArray[np.float32]:
        """[n] watches per hour, counted over 10 minutes, an hour and a day and summed: a rise counts three times."""
        watches = {span: self.columns[f"video_watches_{span}"] for span in ("10m", "1h", "24h")}
        return np.asarray(watches["10m"] * 6 + watches["1h"] + watches["24h"] / 24, np.float32)

    @cached_property
    def trending(self) -> Rows:
        """[n] rows, the most watched now first; among equals the newest upload."""
        return np.lexsort((-self.columns["uploaded"], -self.trending_score))

    @cached_property
    def newest(self) -> Rows:
        """[n] rows, the newest upload first."""
        return np.argsort(-self.columns["uploaded"], kind="stable")

    @cached_property
    def _by_language(self) -> dict[str, tuple[Rows, NDArray[np.int64]]]:
        """Language -> rows, the newest upload first, and their ages from some moment; the empty string is all."""
        languages: Coded = self.columns["language"]
        code = languages.codes[self.newest]
        names = [(place, name) for place, name in enumerate(languages.distinct.tolist()) if name]
        orders = {"": self.newest} | {name: self.newest[code == place] for place, name in names}
        return {name: (rows, -self.columns["uploaded"][rows]) for name, rows in orders.items()}

    def uploaded_since(self, oldest_us: int, language: str = "") -> Rows:
        """Rows uploaded at `oldest_us` or later, in one language or, when it is empty, in any; the newest first."""
        rows, ages = self._by_language.get(language, (self.newest[:0], self.keys[:0]))
        return rows[: np.searchsorted(ages, -oldest_us, side="right")]

    @cached_property
    def _by_channel(self) -> tuple[Rows, NDArray[np.int64]]:
        order = np.lexsort((-self.columns["uploaded"], self.columns["channel"]))
        return order, self.columns["channel"][order]

    def of_channels(self, channels: NDArray[np.int64], per_channel: int) -> Rows:
        """Rows of the newest `per_channel` videos of each of `channels`."""
        order, sorted_channels = self._by_channel
        starts = np.searchsorted(sorted_channels, channels, side="left")
        counts = np.minimum(np.searchsorted(sorted_channels, channels, side="right") - starts, per_channel)
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.asarray(order[np.repeat(starts, counts) + offsets])

    def take(self, rows: Rows) -> SnapshotRows:
        """Every column of `rows`, and the rows themselves as `row`."""
        return SnapshotRows(self.table, self.columns, rows)

    def allowed_in(self, country: str) -> NDArray[np.bool_]:
        """[n] which videos may be shown in `country`; in an unknown country (empty), those without a list."""
        if country not in self._countries:
            lists = self.table.column("countries").combine_chunks()
            lengths = np.asarray(lists.value_lengths().fill_null(0), np.int64)
            allowed = lengths == 0
            if country:
                owner = np.repeat(np.arange(len(lengths)), lengths)
                named = np.asarray(pc.equal(lists.flatten(), country).fill_null(False))
                allowed[owner[named.astype(bool)]] = True
            self._countries[country] = allowed
        return self._countries[country]


def _numpy(column: pa.ChunkedArray) -> NDArray[Any]:
    if pa.types.is_timestamp(column.type):
        return np.asarray(column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()), np.int64)
    return np.asarray(column.fill_null(0) if column.null_count else column)


def _numbered(strings: Coded) -> NDArray[np.int64]:
    """A number from 1 for each distinct string, 0 for the empty one: numbers compare many times faster."""
    numbers = [1 + place if name else 0 for place, name in enumerate(strings.distinct.tolist())]
    return np.array(numbers, np.int64)[strings.codes]
