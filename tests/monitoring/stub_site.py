"""A site on disk around stub bundles: registry, serving log and exposures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from stub_bundle import StubBundle, stub_rows, stub_wanted

from homefeed import ids, windows
from homefeed.buckets import buckets
from homefeed.errors import HomefeedError
from homefeed.features import DENSE_FEATURES
from homefeed.lake import open_lake
from homefeed.registry import Registry, Stage
from homefeed.serving_log import KINDS
from homefeed.settings import Settings
from homefeed.verdict import Check, Verdict

WINDOW = "20261123T2150Z"
#: When the releases of the tests enter their stage: the middle of `WINDOW`.
SINCE = windows.start(WINDOW).replace(minute=55)


@dataclass
class StubSite:
    """What a test arranges."""

    settings: Settings
    registry: Registry
    bundles: dict[str, Any] = field(default_factory=dict)
    rows: Any = field(default_factory=stub_rows)
    #: Logged feature vectors, and where training would read another number.
    differs: Any = field(default_factory=lambda: np.zeros((500, len(DENSE_FEATURES)), bool))
    wanted: Any = field(default_factory=lambda: stub_wanted(np.arange(1, 1001)))

    def add(self, release: str, stage: Stage = Stage.SHADOW, **kind: Any) -> None:
        """Enter a release whose bundle is a stub made with `kind`."""
        self.bundles[release] = StubBundle(self.settings.models_path / release, **kind)
        self.registry.add_release(release, release, SINCE, {})
        if stage != Stage.SHADOW:
            self.registry.move(release, stage, SINCE, [Check("arranged", Verdict.PASS)])

    def serve(self, release: str, viewers: Sequence[int], *, kind: str = "requests", **columns: Any) -> None:
        """One page per viewer in the window after `SINCE`; `columns` replace those of the row."""
        row = {
            "release": release,
            "stage": "",
            "latency_ms": 40.0,
            "degraded": [],
            "num_candidates": 900,
            "error": "",
            "live_release": "",
            "overlap_at_100": 0.5,
            "mean_score": 0.1,
            "live_mean_score": 0.1,
            "videos": [1, 2, 3],
            "live_videos": [2, 3, 4],
        } | columns
        names = KINDS[kind].names
        time = windows.end(WINDOW).isoformat()
        lines = [
            orjson.dumps(
                {**{k: v for k, v in row.items() if k in names}, "request_id": f"{release}-{i}", "time": time}
                | ({"user": f"viewer-{i}"} if "user" in names else {})
            )
            for i in viewers
        ]
        folder = self.settings.serving_path / windows.shift(WINDOW, 1)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{kind}-1.jsonl").open("ab") as file:
            file.write(b"\n".join(lines) + b"\n")

    def control(self, release: str, num: int) -> list[int]:
        """The first `num` viewers from 1,000 on who are in the control of the canary of `release`."""
        viewers = np.arange(1000, 1000 + 20 * num)
        names = pa.array([f"viewer-{i}" for i in viewers])
        place = buckets(release, ids.keys(names).to_numpy())
        return viewers[place >= 1 - self.settings.rollout.canary_share][:num].tolist()

    def expose(
        self, arms: dict[str, tuple[Sequence[int], float, float]], per_viewer: int = 20, num_windows: int = 1
    ) -> None:
        """Publish exposures of the window so many after `SINCE`: release -> viewers, watched share, dismissed share.

        A watch lasts a minute.
        """
        window = windows.shift(WINDOW, num_windows)
        random = np.random.default_rng(3)
        parts = []
        schema = open_lake(self.settings.lake_path).schemas["exposures"]
        for release, (viewers, watched, dismissed) in arms.items():
            keys = ids.keys(pa.array([f"viewer-{i}" for i in viewers], pa.string())).to_numpy()
            user = np.repeat(keys, per_viewer)
            is_watched = random.random(len(user)) < watched
            known = {
                "window": np.full(len(user), window),
                "event_id": np.array([f"{release}-{i}" for i in range(len(user))]),
                "time": pa.array([windows.start(window)] * len(user), schema.field("time").type),
                "user": user,
                "release": np.full(len(user), release),
                "watched": is_watched,
                "watch_s": np.where(is_watched, 60.0, 0.0),
                "dismissed": random.random(len(user)) < dismissed,
            }
            parts.append(pa.table({f.name: known.get(f.name, pa.nulls(len(user), f.type)) for f in schema}))
        open_lake(self.settings.lake_path).replace(
            "exposures", [window], pa.concat_tables(parts, promote_options="permissive")
        )

    def publish(self, table: str, window: str, rows: list[dict[str, Any]]) -> None:
        """Make rows the content of a window of a lake table; columns that are not given are null."""
        lake = open_lake(self.settings.lake_path)
        lake.replace(table, [window], pa.Table.from_pylist(rows, schema=lake.schemas[table]))

    @property
    def after(self) -> tuple[str, datetime]:
        """The look once that window is published: its name, and a time beyond the dwell time."""
        window = windows.shift(WINDOW, 1)
        return window, windows.end(windows.shift(window, 1))


class RefusedError(HomefeedError):
    """A bundle that the loader does not take."""
