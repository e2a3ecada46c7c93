"""One look of the gates at one release: everything they may ask for, read when it is first asked."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from homefeed import serving_log, windows
from homefeed.lake import open_lake
from homefeed.registry import Registry, Release, Stage
from homefeed.settings import Settings
from homefeed.verdict import Check
from monitoring import evidence, retrieved
from monitoring.evidence import Rows, Side
from monitoring.parity import Parity
from monitoring.retrieved import Wanted
from monitoring.shadow_pages import ShadowPages, shadow_pages

_HOUR_WINDOWS = 6


@dataclass
class Look:
    """What is looked at.

    Attributes:
      settings: the settings tree.
      registry: the control state.
      release: the release looked at.
      live: the release it is compared with; None when nothing is live, or nothing that this version of the code can
        compute. For the live release it is itself.
      window: newest closed window whose exposures are published.
      now: time of the look.
      alone: why it is not compared with the live release; empty when it is, or there is none.
      answers: what the offline gates have said in this look, by name.
    """

    settings: Settings
    registry: Registry
    release: Release
    live: Release | None
    window: str
    now: datetime
    alone: str = ""
    answers: dict[str, list[Check]] = field(default_factory=dict)

    @cached_property
    def candidate(self) -> Side:
        """The release looked at."""
        return Side(self.settings, self.release.id)

    @cached_property
    def rival(self) -> Side | None:
        """The live release; None when nothing is live."""
        return Side(self.settings, self.live.id) if self.live is not None else None

    @cached_property
    def span(self) -> tuple[str, str]:
        """Newest closed windows that neither release was trained, calibrated or stopped on; may be empty."""
        first = windows.shift(self.window, 1 - self.settings.rollout.evaluation_windows)
        used = 1 + max(self.settings.ranking.validation_windows, self.settings.retrieval.validation_windows)
        for side in (self.candidate, self.rival):
            if side is not None and side.bundle is not None:
                first = max(first, windows.shift(side.bundle.manifest.windows[1], used))
        return first, self.window

    @cached_property
    def rows(self) -> Rows:
        """Exposures of `span`."""
        assert self.candidate.bundle is not None
        first, last = self.span
        return evidence.read_rows(self.settings, self.candidate.bundle, first, last, self.settings.rollout.max_rows)

    @cached_property
    def wanted(self) -> Wanted:
        """Watches of `span` that a retriever should have found."""
        assert self.candidate.bundle is not None
        most = self.settings.retrieval.max_eval_watches
        return retrieved.read_wanted(self.settings, self.candidate.bundle, *self.span, most)

    @cached_property
    def parity(self) -> Parity:
        """Logged feature vectors against training's, since the release entered its stage."""
        assert self.candidate.bundle is not None
        since, last = self.release.stage_since, windows.window_of(self.now)
        shape = self.candidate.bundle.shape
        return evidence.parity(self.settings, windows.window_of(since), last, since, shape.ranker_history_length)

    @cached_property
    def shadow_pages(self) -> ShadowPages:
        """Pages made in shadow since the release entered its stage, beside live's."""
        rows = self.serving_rows("shadow")
        return shadow_pages(self.settings, rows.filter(pc.equal(rows["release"], self.release.id)))

    @property
    def is_patient(self) -> bool:
        """Whether a comparison that is not decided yet waits for more exposures. It does for a while after the release
        entered its stage; not at all while nothing is live, as nobody could be harmed (ADR 7)."""
        waited_s = (self.now - self.release.stage_since).total_seconds()
        return self.live is not None and waited_s < self.settings.rollout.undecided_wait_s

    def enough(self, least: int) -> tuple[int, float]:
        """`enough` of `monitoring.decision.not_worse` for an offline gate that reads at least `least` viewers."""
        return least, math.inf if self.is_patient else least

    def too_few(self) -> str:
        """Why the rows do not carry an offline gate; empty when they do."""
        knobs, rows = self.settings.rollout, self.rows
        for num, least, what in (
            (len(rows), knobs.min_rows, "exposures"),
            (int(rows.watched.sum()), knobs.min_positives, "positive exposures"),
            (rows.num_viewers, knobs.min_offline_viewers, "viewers"),
        ):
            if num < least:
                return f"{num} of the {least} {what} it takes, in windows {self.span[0]}..{self.span[1]}"
        return ""

    def serving_rows(self, kind: str) -> pa.Table:
        """Rows of the serving log since the release entered its stage; of the last hour for one that is live."""
        last = windows.window_of(self.now)
        since = self.release.stage_since
        if self.release.stage == Stage.LIVE:
            since = max(since, windows.start(windows.shift(last, -_HOUR_WINDOWS)))
        rows = serving_log.read(self.settings.serving_path, kind, windows.window_of(since), last)
        return rows.filter(pc.greater_equal(rows["time"], pa.scalar(since, rows.schema.field("time").type)))

    def exposures_since(self) -> pa.Table:
        """`time`, `user`, `release`, `watched`, `watch_s` and `dismissed` of exposures since the stage began."""
        since = self.release.stage_since
        first = windows.window_of(since)
        columns = ["time", "user", "release", "watched", "watch_s", "dismissed"]
        rows = open_lake(self.settings.lake_path).read("exposures", (first, self.window), columns=columns)
        return rows.filter(pc.greater_equal(rows["time"], pa.scalar(since, rows.schema.field("time").type)))
