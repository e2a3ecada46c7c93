"""Fixtures of the gates' tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stub_site import StubSite

from homefeed.registry import Stage, open_registry
from homefeed.settings import Settings, load
from homefeed.settings.rollout import RolloutSettings
from homefeed.verdict import Check, Verdict
from monitoring import evidence, report, retrieved
from monitoring.parity import Parity


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubSite:
    """An empty site with low sample sizes and no drift report (it has tests of its own)."""
    settings = load(
        var=tmp_path / "var",
        rollout=RolloutSettings(
            min_shadow_pages=50, min_viewers=50, max_viewers=50, min_slice_viewers=50, undecided_wait_s=900
        ),
    )
    stub = StubSite(settings, open_registry(settings.resolved_registry_url))

    def load_stub(_: Settings, release: str) -> Any:
        if isinstance(stub.bundles[release], Exception):
            raise stub.bundles[release]
        return stub.bundles[release]

    for module in (evidence, report):
        monkeypatch.setattr(module, "load", load_stub)
        monkeypatch.setattr(module, "read_rows", lambda *_: stub.rows)
    monkeypatch.setattr(retrieved, "read_wanted", lambda *_: stub.wanted)
    # What the stub's features hold had happened: the lake of the tests has no events.
    past = lambda _, rows, index: {"user_watches_10m": rows.feature("user_watches_10m")[index]}  # noqa: E731
    monkeypatch.setattr(evidence, "replayed", past)
    # The catalogue of the tests is empty.
    monkeypatch.setattr("monitoring.shadow_pages._shown_wrongly", lambda *_: (0, 0))
    for module in (evidence, report):
        monkeypatch.setattr(module, "parity", lambda *_: Parity(stub.differs))
    return stub


@pytest.fixture
def without_evidently(monkeypatch: pytest.MonkeyPatch) -> None:
    """The drift gate passes: Evidently takes seconds, and one test of it is enough."""
    from monitoring import gates

    passed: Callable[[Any], list[Check]] = lambda look: [Check("feature_drift", Verdict.PASS)]  # noqa: E731
    passed.__name__ = "drift"
    offline = tuple(passed if gate.__name__ == "drift" else gate for gate in gates.OFFLINE)
    others = gates.GATES[Stage.SHADOW][len(offline) :]
    monkeypatch.setattr(gates, "GATES", {**gates.GATES, Stage.SHADOW: (*offline, *others)})
    monkeypatch.setattr(gates, "GATES_WITHOUT_LIVE", dict.fromkeys(gates.GATES_WITHOUT_LIVE, offline))
