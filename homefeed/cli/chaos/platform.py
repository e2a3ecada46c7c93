"""The platform that faults are seeded in: made once by the DAGs, and copied for each fault, so that nothing seeps from
one into the next."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from homefeed import windows
from homefeed.cli.chaos.profile import chaos_settings, placed
from homefeed.clock import clock, set_clock
from homefeed.errors import HomefeedError
from homefeed.registry import Registry, Release, Stage, open_registry
from homefeed.settings import Settings

#: Told what begins.
Told = Callable[[str], object]
#: Files that something writes in place: a copy that shared them would write into the platform it was copied from.
_WRITTEN_IN_PLACE = (".db", ".db-wal", ".db-shm", ".json", ".jsonl", ".yaml", ".pb", "clock")


class ChaosError(HomefeedError):
    """Faults cannot be seeded; the message says why."""


@dataclass(frozen=True)
class Platform:
    """A platform with a live release, and its clock.

    Attributes:
      settings: everything that it writes is under `settings.var`.
    """

    settings: Settings

    @property
    def registry(self) -> Registry:
        """Its control state."""
        return open_registry(self.settings.resolved_registry_url)

    @property
    def live(self) -> Release:
        """Its live release."""
        found = self.registry.live()
        if found is None:
            raise ChaosError(f"no release is live in {self.settings.var}, so none can be compared with it")
        return found

    @property
    def now(self) -> datetime:
        """Its clock."""
        return clock(self.settings.clock_file)()

    @property
    def window(self) -> str:
        """Newest window whose exposures are published."""
        from homefeed.lake import open_lake

        return max(open_lake(self.settings.lake_path).windows("exposures"))

    def wait(self, seconds: float) -> datetime:
        """Let its time pass."""
        return self.set_time(self.now + timedelta(seconds=seconds))

    def set_time(self, time: datetime) -> datetime:
        """Set its clock."""
        assert self.settings.clock_file is not None
        set_clock(self.settings.clock_file, time)
        return time

    def enter(self, release: str, stage: Stage = Stage.SHADOW) -> Release:
        """Enter a release in a stage, as a look of the gates would have left it."""
        registry = self.registry
        registry.add_release(release, release, self.now, {})
        if stage != Stage.SHADOW:
            registry.move(release, stage, self.now, [], "arranged for a fault")
        found = registry.release(release)
        assert found is not None
        return found

    def step(self, release: str) -> Stage:
        """One look of the gates at a release, by the code that the DAGs call."""
        from monitoring.rollout import step

        return step(self.settings, release, self.window, self.now)


def made(home: Path, told: Told) -> Platform:
    """The platform under `home`: the one that is there, else a new one, from a history to the first live release.

    Raises:
      ChaosError: the first release did not become live; the message names its checks.
    """
    from homefeed.settings.environment import environment

    settings = chaos_settings(home)
    os.environ.update(environment(settings))
    platform = Platform(settings)
    if (home / "ready").exists():
        told(f"the platform in {home}")
        return platform
    _build(platform, home, told)
    registry = platform.registry
    if registry.live() is None:
        looks = [look for release in registry.releases() for look in registry.transitions(release.id)]
        bad = [f"{c['name']} ({c['detail']})" for look in looks[-1:] for c in look.checks if c["verdict"] != "pass"]
        raise ChaosError(f"the first release did not become live: {'; '.join(bad) or 'no release was built'}")
    (home / "ready").touch()
    return platform


def _build(platform: Platform, home: Path, told: Told) -> None:
    from homefeed.cli.demo.loop import Facts, Loop
    from homefeed.cli.demo.profile import history_end
    from homefeed.cli.demo.site import Site
    from homefeed.cli.headless import Headless

    def dag(name: str, seconds: float | None) -> None:
        if seconds is None:
            told(name)

    home.mkdir(parents=True, exist_ok=True)
    end = platform.set_time(history_end(datetime.now(UTC)))
    site = Site("synthetic")
    told("history of the synthetic site")
    site.write_history(platform.settings, end)
    airflow = Headless(home / "airflow", dag)
    Loop(platform.settings, site, airflow, platform.registry, Facts()).first_release(end)
    # The gates looked at the first release before its own calibration windows were over.
    platform.set_time(windows.end(windows.window_of(end)))


def copy_of(platform: Platform, folder: Path) -> Platform:
    """A copy of a platform under `folder`. What nobody writes in place is shared, so it costs little."""
    made = Platform(placed(platform.settings, folder))

    def copy(a: str, b: str) -> Any:
        is_fixed = not a.endswith(_WRITTEN_IN_PLACE) and "/lake/" not in a
        is_data = a.endswith(".parquet")
        return os.link(a, b) if is_fixed or is_data else shutil.copy2(a, b)

    shutil.copytree(platform.settings.var, made.settings.var, copy_function=copy)
    made.set_time(platform.now)
    return made
