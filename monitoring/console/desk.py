"""What one view of the page may read, read when it is first asked, and where its links lead."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from homefeed.registry import Alert, AlertState, Hold, Registry, Release, Silence, Stage, Transition
from homefeed.registry.stage_moves import IN_ROLLOUT
from homefeed.settings import Settings


@dataclass
class Desk:
    """One view of one person.

    Attributes:
      settings: the settings tree.
      registry: the control state.
      now: time of the view.
      root: where the page is mounted, such as `/homefeed`; links begin with it.
      may_order: whether the person may give orders; forms are shown only then.
    """

    settings: Settings
    registry: Registry
    now: datetime
    root: str = ""
    may_order: bool = False

    @cached_property
    def live(self) -> Release | None:
        """The release that answers viewers outside any rollout."""
        return self.registry.live()

    @cached_property
    def in_rollout(self) -> list[Release]:
        """Releases in SHADOW, CANARY or RAMP, the one that is furthest first."""
        return sorted(self.registry.in_rollout(), key=lambda release: -IN_ROLLOUT.index(Stage(release.stage)))

    @cached_property
    def holds(self) -> Mapping[str, Hold]:
        """Release -> the hold that keeps it in its stage."""
        return {hold.release: hold for hold in self.registry.holds()}

    @cached_property
    def alerts(self) -> list[Alert]:
        """What fires and what is pending: firing before pending, page before ticket, newest first."""
        order = {AlertState.FIRING: 0, AlertState.PENDING: 1}
        return sorted(
            self.registry.alerts.open(),
            key=lambda a: (order.get(a.state, 2), a.severity != "page", -a.since.timestamp()),
        )

    @cached_property
    def silences(self) -> list[Silence]:
        """Silences in force."""
        return self.registry.alerts.silences(self.now)

    def newest_look(self, release: Release) -> Transition | None:
        """The newest look of the gates at a release in its stage; None before the first."""
        looks = [look for look in self.registry.transitions(release.id) if not look.who]
        return next((look for look in reversed(looks) if release.stage in (look.from_stage, look.to_stage)), None)

    def report_url(self, path: str) -> str | None:
        """Where a browser finds a report or a page of the web; None for what the page does not serve."""
        if path.startswith(("http://", "https://")):
            return path
        if not path:
            return None
        folder, file = self.settings.reports_path.resolve(), (Path.cwd() / path).resolve()
        return f"{self.root}/reports/{file.relative_to(folder).as_posix()}" if file.is_relative_to(folder) else None

    def release_url(self, release_id: str) -> str:
        """The page of one release."""
        return f"{self.root}/releases/{release_id}"
