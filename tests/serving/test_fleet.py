import gc
import weakref

import pytest
from tiny_site import WINDOW, table

from homefeed import windows
from homefeed.buckets import bucket
from homefeed.registry import Stage
from serving.bundle import uncollected
from serving.fleet import Releases
from serving.giving_way import GivingWay
from serving.snapshot import Snapshot


@pytest.fixture
def releases(world):
    return Releases(world.settings, world.registry, world.load, lambda: False)


def look(releases, snapshot):
    releases.tell(snapshot)
    releases.refresh()


def test_buckets_are_stable_and_uniform():
    assert bucket("r1", "viewer-1") == bucket("r1", "viewer-1")
    assert bucket("r1", "viewer-1") != bucket("r2", "viewer-1")
    share = sum(bucket("r1", f"viewer-{i}") < 0.1 for i in range(20_000)) / 20_000
    assert share == pytest.approx(0.1, abs=0.01)


def test_nothing_is_live_at_first(releases):
    releases.refresh()
    assert releases.fleet.arm("viewer-1") is None


def test_only_the_first_release_is_loaded_as_fast_as_can_be(world, releases):
    world.release("r1")
    world.release("r2", Stage.CANARY)
    releases.refresh()
    assert world.gave_way == {"r1": False, "r2": True}


def test_a_bundle_that_is_told_of_a_snapshot_gives_way_to_pages_but_not_at_the_start(world, releases):
    world.release("r1")
    gave_way = []
    bundle = world.load(world.settings, "r1", None)
    bundle.refresh = lambda snapshot, time, rest: gave_way.append(isinstance(rest, GivingWay))
    bundle.forget = lambda: None
    look(releases, Snapshot(WINDOW, table(10)))
    assert gave_way == [False]
    look(releases, Snapshot(windows.shift(WINDOW, 1), table(10)))
    assert gave_way == [False, True]


def test_a_release_is_told_of_the_snapshot_before_its_first_page(world, releases):
    newest = Snapshot(WINDOW, table(10))
    for name in ("r1", "r2"):
        world.release(name)
        answering, bundle = [], world.load(world.settings, name, None)

        def told(*_, bundle=bundle, answering=answering):
            answering.append(releases.fleet.live and releases.fleet.live.release)
            bundle.refreshed.append(windows.end(WINDOW))

        bundle.refresh = told
        look(releases, newest)
        assert releases.fleet.live.release == name
        # While it was told, the one before answered; and nobody is told twice.
        assert answering == [{"r1": None, "r2": "r1"}[name]]


def test_a_release_that_cannot_be_told_of_the_snapshot_takes_no_viewer_from_the_one_before(world, releases):
    world.release("r1")
    look(releases, Snapshot(WINDOW, table(10)))
    world.release("r2")
    world.load(world.settings, "r2", None).broken.add("refresh")
    look(releases, Snapshot(WINDOW, table(10)))
    assert releases.fleet.live.release == "r1"
    assert releases.fleet.failed == {"r2": "refresh is broken on purpose"}


def test_orders_are_followed_while_another_release_is_loaded(world, releases):
    """A rollback does not wait for the minutes that a release takes beside pages."""
    world.release("r1")
    releases.refresh()
    world.release("r2")
    releases.refresh(("r1",))
    assert releases.fleet.live.release == "r2"
    world.release("r3", Stage.SHADOW)
    answering = []

    def load(settings, release, rest):
        world.registry.move("r1", Stage.LIVE, world.registry.release("r1").stage_since, [])
        rest()
        answering.append(releases.fleet.live.release)
        world.release("r4")
        return world.load(settings, release, rest)

    releases._load = load
    releases._next_look = 0.0
    releases.refresh(("r1",))
    assert answering[0] == "r1"
    # What was ordered while it was loaded is known when it is there: r4 is loaded in the same look.
    assert releases.fleet.live.release == "r4"


def test_a_registry_that_fails_meanwhile_ends_no_load(world, releases, monkeypatch):
    world.release("r1")
    releases.refresh()
    world.release("r2")
    read = releases._read

    def load(settings, release, rest):
        monkeypatch.setattr(releases, "_read", lambda: 1 / 0)
        releases._next_look = 0.0
        rest()
        monkeypatch.setattr(releases, "_read", read)
        return world.load(settings, release, rest)

    releases._load = load
    releases.refresh()
    assert releases._next_look > 0
    assert releases.fleet.live.release == "r2"


def test_a_bundle_forgets_the_snapshot_before_at_the_look_after_the_one_that_told_it_of_the_newest(world, releases):
    world.release("r1")
    older, newest = Snapshot(WINDOW, table(10)), Snapshot(windows.shift(WINDOW, 1), table(11))
    look(releases, older)
    look(releases, newest)
    bundle, first = world.bundles["r1"], windows.end(older.window)
    # When it was loaded nobody had seen a page of it.
    assert bundle.forgotten == [first]
    look(releases, newest)
    assert bundle.forgotten == [first, windows.end(newest.window)]


def test_a_failure_is_shown_by_the_first_line_of_what_it_says_and_not_by_a_million_numbers(world, releases):
    world.release("r1")
    releases._load = lambda *_: (_ for _ in ()).throw(ValueError("x" * 1_000_000 + "\nand more"))
    releases.refresh()
    assert releases.fleet.failed == {"r1": "x" * 500 + "..."}


def test_what_is_there_after_a_service_has_started_is_left_out_of_the_collector_s_rounds(world, releases):
    class Part:
        """One that only the collector frees."""

        def __init__(self):
            self.itself = self

    try:
        with uncollected():
            assert not gc.isenabled()
            kept, used_up = Part(), weakref.ref(Part())
        assert gc.isenabled()
        assert used_up() is None
        imported = weakref.ref(kept)
        del kept
        gc.collect()
        assert imported() is not None

        # Of a service that answers already nothing is kept back.
        world.release("r1")
        releases.refresh()
        frozen = gc.get_freeze_count()
        world.release("r2")
        releases.refresh()
        assert gc.get_freeze_count() <= frozen
    finally:
        gc.unfreeze()


def test_canary_and_ramp_answer_their_share_and_keep_their_viewers(world, releases):
    world.release("r1")
    world.release("r2", Stage.CANARY)
    releases.refresh()
    viewers = [f"viewer-{i}" for i in range(5000)]
    canary = {v for v in viewers if releases.fleet.arm(v).release == "r2"}
    assert len(canary) / 5000 == pytest.approx(world.settings.rollout.canary_share, abs=0.02)
    world.registry.move("r2", Stage.RAMP, world.registry.release("r2").stage_since, [])
    releases.refresh()
    ramp = {v for v in viewers if releases.fleet.arm(v).release == "r2"}
    assert len(ramp) / 5000 == pytest.approx(world.settings.rollout.ramp_share, abs=0.03)
    assert canary <= ramp
    world.registry.move("r2", Stage.ROLLED_BACK, world.registry.release("r2").stage_since, [])
    releases.refresh()
    assert {releases.fleet.arm(v).release for v in viewers} == {"r1"}


def test_shadow_answers_nobody(world, releases):
    world.release("r1")
    world.release("r2", Stage.SHADOW)
    releases.refresh()
    assert {releases.fleet.arm(f"viewer-{i}").release for i in range(1000)} == {"r1"}
    assert [arm.release for arm in releases.fleet.shadow] == ["r2"]


def test_a_live_release_that_cannot_be_loaded_leaves_the_one_before(world, releases):
    world.release("r1")
    releases.refresh()
    world.damaged.add("r2")
    world.release("r2")
    releases.refresh()
    arm = releases.fleet.arm("viewer-1")
    assert (arm.release, arm.stale) == ("r1", True)
    assert releases.fleet.failed == {"r2": "bundle r2 was altered"}
    world.release("r3")
    releases.refresh()
    arm = releases.fleet.arm("viewer-1")
    assert (arm.release, arm.stale) == ("r3", False)
    assert releases.fleet.failed == {}


def test_a_damaged_bundle_is_not_tried_at_every_look(world, releases):
    world.release("r1")
    world.damaged.add("r1")
    releases.refresh()
    world.damaged.clear()
    releases.refresh()
    assert releases.fleet.live is None  # the next try is `serving.retry_s` later
    assert "altered" in releases.fleet.failed["r1"]


def test_releases_that_are_gone_leave_the_memory(world, releases):
    world.release("r1")
    releases.refresh()
    world.release("r2")
    releases.refresh()
    assert list(releases._bundles) == ["r2"]


def test_each_bundle_is_told_once_of_a_snapshot_with_the_end_of_its_window(world, releases):
    world.release("r1")
    world.release("r2", Stage.SHADOW)
    snapshot = Snapshot(WINDOW, table(5))
    look(releases, snapshot)
    look(releases, snapshot)
    assert [bundle.refreshed for bundle in releases._bundles.values()] == [[windows.end(WINDOW)]] * 2
    look(releases, Snapshot("20261123T2200Z", table(6)))
    assert [len(bundle.refreshed) for bundle in releases._bundles.values()] == [2, 2]


def test_a_bundle_that_cannot_take_a_snapshot_goes_on_and_the_others_are_told(world, releases):
    world.release("r1")
    world.release("r2", Stage.SHADOW)
    releases.refresh()
    releases._bundles["r1"].broken.add("refresh")
    look(releases, Snapshot(WINDOW, table(5)))
    assert releases.fleet.arm("viewer-1").release == "r1"
    assert [len(releases._bundles[name].refreshed) for name in ("r1", "r2")] == [0, 1]
    releases._bundles["r1"].broken.clear()
    look(releases, Snapshot("20261123T2200Z", table(5)))
    assert len(releases._bundles["r1"].refreshed) == 1
