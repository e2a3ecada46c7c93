"""A site small enough to check by hand, and a bundle that scores without a model."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from homefeed import ids, windows
from homefeed.features import DENSE_FEATURES, aggregate_columns
from homefeed.manifest import Manifest
from homefeed.schema.column import TIME

NOW = datetime(2026, 11, 23, 22, 5, tzinfo=UTC)
WINDOW = windows.window_of(NOW - windows.WINDOW)


def video_id(number: int) -> str:
    """Id of a video of the tiny site."""
    return f"video-{number:04}"


def table(num: int, **changes: dict[int, Any]) -> pa.Table:
    """A snapshot of `num` videos, sorted by key.

    Video i: channel i % 20, topic i % 5, uploaded i hours ago (so 0 to 23 are fresh), `num - i` watches in 24 h, 200
    impressions in 7 days; `changes` sets a column of single videos, such as `min_age={3: 18}`.
    """
    rows = []
    for i in range(num):
        row: dict[str, Any] = dict.fromkeys(
            [c for entity in ("video", "channel", "topic") for c in aggregate_columns(entity)], 0.0
        )
        row |= {
            "video": ids.key(video_id(i)),
            "video_id": video_id(i),
            "channel": ids.key(f"channel-{i % 20:02}"),
            "channel_id": f"channel-{i % 20:02}",
            "title": f"Title of {i} <b>",
            "topics": [f"topic-{i % 5}"],
            "topic": f"topic-{i % 5}",
            "duration_s": 60.0 + i,
            "language": "en",
            "uploaded": NOW - timedelta(hours=i, minutes=1),
            "countries": [],
            "min_age": 0,
            "video_watches_24h": float(num - i),
            "video_impressions_7d": 200.0,
        }
        row |= {name: values[i] for name, values in changes.items() if i in values}
        rows.append(row)
    rows.sort(key=lambda row: row["video"])
    types = {"video": pa.int64(), "channel": pa.int64(), "min_age": pa.int16(), "uploaded": TIME}
    types |= {"topics": pa.list_(pa.string()), "countries": pa.list_(pa.string())}
    types |= dict.fromkeys(("video_id", "channel_id", "title", "topic", "language"), pa.string())
    return pa.table({name: pa.array([r[name] for r in rows], types.get(name, pa.float32())) for name in rows[0]})


def write_snapshot(folder: Path, snapshot: pa.Table, window: str = WINDOW) -> Path:
    """Publish a snapshot as features do."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{window}.arrow"
    draft = file.with_suffix(".draft")
    with pa.OSFile(str(draft), "wb") as out, pa.ipc.new_file(out, snapshot.schema) as writer:
        writer.write_table(snapshot)
    draft.rename(file)
    return file


class StubBundle:
    """Has the methods of a bundle. Its order of the videos depends on the release alone, so pages tell them apart."""

    def __init__(self, release: str, snapshot: pa.Table) -> None:
        self.release = release
        self.snapshot = snapshot
        self.videos = snapshot.column("video").to_numpy()
        self.broken: set[str] = set()
        self.refreshed: list[datetime] = []
        self.forgotten: list[datetime] = []
        self.adjustment: Any = None
        self.manifest = Manifest(
            release=release,
            created=NOW.isoformat(),
            windows=(WINDOW, WINDOW),
            lake_versions={"exposures": 1},
            settings_digest="",
            code_version="test",
            pairing=release,
            metrics={"ne": 0.9},
        )

    def _worth(self, keys: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        salt = int.from_bytes(hashlib.md5(self.release.encode()).digest()[:4], "big")
        return (((keys % 999_983) * 31 + salt) % 999_983 / 999_983).astype(np.float32)

    def refresh(self, snapshot: pa.Table, time: datetime, rest: Any = None) -> None:
        self._fail("refresh")
        self.refreshed.append(time)
        self.snapshot = snapshot
        self.videos = snapshot.column("video").to_numpy()

    def forget(self) -> None:
        self.forgotten.append(self.refreshed[-1])

    def query(self, user: Mapping[str, Any], time: datetime) -> Any:
        self._fail("query")
        return np.ones(4, np.float32)

    def search(self, vector: Any, k: int) -> tuple[Any, Any]:
        self._fail("search")
        order = np.argsort(-self._worth(self.videos))[:k]
        return self.videos[order], self._worth(self.videos)[order]

    def similar(self, videos: Any, k: int) -> tuple[Any, Any]:
        at = np.searchsorted(self.videos, videos)
        keys = self.videos[(at[:, None] + np.arange(1, k + 1)) % len(self.videos)]
        return keys.ravel(), np.repeat(np.arange(len(videos)), k)

    def score(
        self, user: Mapping[str, Any], candidates: Mapping[str, Any], context: Mapping[str, Any], beside: Any = None
    ) -> Any:
        self._fail("score")
        worth = self._worth(candidates["video"])
        return {"watched": worth * np.nan if "nan" in self.broken else worth}

    def inputs(self, user: Mapping[str, Any], candidates: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        self._fail("inputs")
        dense = np.zeros((len(candidates["video"]), len(DENSE_FEATURES)), np.float32)
        dense[:, 0] = candidates["video_watches_24h"]
        return SimpleNamespace(dense=dense)

    def value(self, heads: Any) -> Any:
        return heads["watched"]

    def recalibrate(self, adjustment: Any) -> None:
        self.adjustment = adjustment

    def _fail(self, part: str) -> None:
        if part in self.broken:
            raise RuntimeError(f"{part} is broken on purpose")
