"""A load test and a rollback drill with real services and stub bundles: what they find, and that they leave nothing."""

import json
import math
import sys
from functools import partial
from pathlib import Path

import pytest
from tiny_site import NOW

from homefeed.registry import Stage, open_registry
from serving import drill, load_test
from serving.process import start
from serving.rehearsal import rehearsal, some_viewers

COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))


@pytest.fixture
def two_releases(world, monkeypatch):
    """r2 is live, and r1 was before it; services load stub bundles."""
    for release in ("r1", "r2"):
        world.write_stub(release)
        world.release(release)
    rollout = world.settings.rollout.model_copy(update={"load_peak": 4.0, "load_s": 2.0, "rollback_s": 3.0})
    serving = world.settings.serving.model_copy(update={"poll_s": 0.2})
    world.settings = world.settings.model_copy(update={"rollout": rollout, "serving": serving})
    for module in (drill, load_test):
        monkeypatch.setattr(module, "start", partial(start, command=COMMAND))
    return world


def test_a_rehearsal_has_its_own_registry_and_the_sites_bundles(two_releases):
    with rehearsal(two_releases.settings, ["r2", "r1"]) as own:
        assert open_registry(own.resolved_registry_url).live().id == "r1"
        assert (own.bundles_path / "stubs" / "r2").read_text() == "whole"
        assert max(own.snapshots_path.glob("*.arrow")).stem
        var = own.var
    assert not var.exists()
    assert two_releases.registry.live().id == "r2"
    assert some_viewers(two_releases.settings, 10) == ["nobody"], "the lake of the tests has no viewer"


def test_a_rollback_under_load_reaches_both_services_and_fails_no_page(two_releases):
    def order(own):
        open_registry(own.resolved_registry_url).move("r2", Stage.ROLLED_BACK, NOW, [])

    found = drill.rollback_drill(two_releases.settings, "r2", "r1", order, workers=2)
    assert (found.restored, found.workers) == ("r1", 2)
    assert math.isfinite(found.seconds)
    # Two pages a second on each of two services, for 3 + 3 + 2 seconds.
    assert (found.pages, found.failed) == (32, 0)
    assert two_releases.registry.live().id == "r2", "viewers notice nothing"
    assert not two_releases.settings.serving_path.exists(), "nothing of it is in the log that gates read"
    file = drill.write_report(two_releases.settings, "20261123T2200Z", found)
    assert json.loads(file.read_text())["restored"] == "r1"
    assert two_releases.registry.report("drill", "r2").summary["failed"] == 0


def test_a_load_test_asks_for_the_peak_and_more_and_its_report_is_where_the_gate_looks(two_releases):
    found = load_test.load_test(two_releases.settings, "r2")
    # 1.5 and 3 times 4 pages a second, for 2 seconds.
    assert (found.pages, found.failed, found.shed_pages, found.shed_failed) == (12, 0, 24, 0)
    assert found.shed_served + found.shed_refused == 24
    assert 0 < found.p50_ms <= found.p99_ms
    assert 0.05 < found.rss_gib < 4
    load_test.write_report(two_releases.settings, "20261123T2200Z", found)
    assert two_releases.registry.report("load", "r2").summary["pages"] == 12
    assert two_releases.registry.report("load", "r1") is None
