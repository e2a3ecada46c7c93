"""Where the demo's events come from: the synthetic site, or a public log whose newest watches are replayed."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from homefeed.settings import Settings


@dataclass
class Site:
    """The site whose viewers the demo serves.

    Attributes:
      format: `synthetic`, or a format of `homefeed import`.
      data: the log's files; None for the synthetic site.
      reactions: what viewers do when they see a page; known once the history is written.
      audience: ids of viewers who will react; empty when any viewer may.
    """

    format: str
    data: Path | None = None
    reactions: Any = None
    audience: list[str] = field(default_factory=list)

    #: Share of a log's watches, the newest ones, that are kept out of the history and replayed as reactions. Each is
    #: replayed once, so with few of them the share of watched impressions would fall from window to window.
    HOLDOUT_SHARE = 0.3
    #: Days that a log is scaled onto: with more, too few viewers fall into the windows that the gates read.
    LOG_DAYS = 0.5

    def write_history(self, settings: Settings, end: datetime) -> None:
        """Write the events before `end` into the event log."""
        if self.data is None:
            from homefeed.world.history import write_history
            from homefeed.world.viewers import WorldReactions

            write_history(settings, end, lambda *_: None)
            self.reactions = WorldReactions(settings, end)
            return
        from homefeed.importers import import_log
        from homefeed.world.viewers import ReplayReactions

        report = import_log(settings, self.format, self.data, end, self.LOG_DAYS, holdout_share=self.HOLDOUT_SHARE)
        self.reactions = ReplayReactions(report.holdout)
        self.audience = report.holdout.column("user").unique().to_pylist()

    def viewer(self, settings: Settings) -> str:
        """The viewer whose page the demo shows: of those who react, the one with the most watches so far."""
        import pyarrow.compute as pc

        from homefeed.lake import open_lake

        lake = open_lake(settings.lake_path)
        users = lake.read("users", columns=["user", "user_id"]).group_by(["user", "user_id"]).aggregate([])
        if self.audience:
            users = users.filter(pc.is_in(users["user_id"], value_set=_strings(self.audience)))
        counts = lake.read("watches", columns=["user"]).group_by("user").aggregate([([], "count_all")])
        joined = users.join(counts, "user", join_type="inner").sort_by(
            [("count_all", "descending"), ("user_id", "ascending")]
        )
        return str(joined["user_id"][0].as_py())


def _strings(values: list[str]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.string())
