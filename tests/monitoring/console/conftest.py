"""A platform in the middle of its work, and one on which nothing has happened yet."""

from pathlib import Path

import pytest
from stub_console import NOW, busy

from homefeed.registry import open_registry
from homefeed.settings import Settings, load
from monitoring.console.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """The view of somebody who may give orders: r2 live after r1, r3 in canary, two alerts, a day of online metrics."""
    settings = load(var=tmp_path / "var")
    return Desk(settings, busy(settings), NOW, "/homefeed", may_order=True)


@pytest.fixture
def empty(tmp_path: Path) -> Desk:
    """The same on the first day."""
    settings: Settings = load(var=tmp_path / "nothing")
    return Desk(settings, open_registry(settings.resolved_registry_url), NOW, "/homefeed", may_order=True)
