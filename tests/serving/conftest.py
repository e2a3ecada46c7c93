"""A feed in this process, over the tiny site, with a clock that stands still and stub bundles."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tiny_site import NOW, StubBundle, table, write_snapshot

from homefeed.clock import set_clock
from homefeed.errors import HomefeedError
from homefeed.registry import Stage, open_registry
from homefeed.settings import Settings, load
from serving.feed import Feed
from serving.snapshot import Snapshot


class World:
    """Settings, registry, the bundles that can be loaded, and the viewers of the online store."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = open_registry(settings.resolved_registry_url)
        self.bundles: dict[str, StubBundle] = {}
        self.viewers: dict[str, dict[str, Any]] = {}
        self.damaged: set[str] = set()
        self.gave_way: dict[str, bool] = {}

    def publish(self, snapshot: Any) -> None:
        """Make a snapshot the newest."""
        write_snapshot(self.settings.snapshots_path, snapshot)

    def release(self, name: str, stage: Stage = Stage.LIVE) -> None:
        """Enter a release and move it to `stage`."""
        self.registry.add_release(name, name, NOW, {})
        self.registry.move(name, stage, NOW, [])

    def write_stub(self, name: str, content: str = "whole") -> None:
        """Write the bundle that `stub_service.py` loads for a release; one that reads `damaged` is refused."""
        stubs = self.settings.bundles_path / "stubs"
        stubs.mkdir(parents=True, exist_ok=True)
        (stubs / name).write_text(content)

    def load(self, settings: Settings, release: str, rest: Any) -> StubBundle:
        """What the service loads bundles with."""
        self.gave_way[release] = rest is not None
        if release in self.damaged:
            raise HomefeedError(f"bundle {release} was altered")
        newest = Snapshot.read(max(settings.snapshots_path.glob("*.arrow")))
        return self.bundles.setdefault(release, StubBundle(release, newest.table))

    def read(self, user: str) -> dict[str, Any]:
        """What the service reads viewers with."""
        return self.viewers.get(user, {"known": False})


@pytest.fixture
def world(tmp_path: Any) -> World:
    """The site of 400 videos, nothing live."""
    (tmp_path / "var").mkdir()
    set_clock(tmp_path / "var" / "clock", NOW)
    # A busy machine must not cut pages short, nor lose their viewers, where a test is about something else.
    patient = {"deadline_ms": 20_000.0, "viewer_timeout_s": 1.0}
    made = World(load(var=tmp_path / "var", clock_file=tmp_path / "var" / "clock", serving=patient))
    made.publish(table(400))
    return made


@pytest.fixture
def open_feed(world: World) -> Iterator[Callable[..., Feed]]:
    """`open_feed()` is a feed that has looked once; `open_feed(exploration=0.0)` changes a serving setting."""
    feeds: list[Feed] = []

    def make(open_store: Any = None, open_recent: Any = None, **serving: Any) -> Feed:
        changed = world.settings.serving.model_copy(update={"poll_s": 3600.0, **serving})
        settings = world.settings.model_copy(update={"serving": changed})
        feed = Feed(settings, world.load, open_store or (lambda: world.read), open_recent)
        feed.refresh()
        feeds.append(feed)
        return feed

    yield make
    for feed in feeds:
        feed.close()
