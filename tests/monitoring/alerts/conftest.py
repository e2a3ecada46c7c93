"""Fixtures of the alerts' tests."""

from collections.abc import Callable
from datetime import datetime

import pytest
from stub_desk import NOW, Desk, StubSink, rule

from homefeed.registry import Registry, Stage, open_registry
from homefeed.settings import Settings


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return open_registry(settings.resolved_registry_url)


@pytest.fixture
def sink() -> StubSink:
    return StubSink()


@pytest.fixture
def desk(settings: Settings, registry: Registry, sink: StubSink) -> Desk:
    """A desk with one rule and one sink."""
    return Desk(settings, registry, (rule(),), {"stub": sink})


@pytest.fixture
def go_live(registry: Registry) -> Callable[..., None]:
    """`go_live("r1", at)`: the release is live since `at`."""

    def go(release: str = "r1", at: datetime = NOW) -> None:
        registry.add_release(release, release, at, {})
        registry.move(release, Stage.LIVE, at, [])

    return go
