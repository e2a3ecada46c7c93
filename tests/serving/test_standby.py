"""The release that was live before stays in memory, so that a rollback needs no loading."""

from tiny_site import NOW

from homefeed.registry import Stage


def test_a_rollback_answers_at_the_next_look_from_memory(world, open_feed):
    world.release("r1")
    world.release("r2")
    feed = open_feed()
    assert list(feed.releases.bundles) == ["r2"], "pages come first"
    feed.ready.set()
    feed.refresh()
    assert set(feed.releases.bundles) == {"r1", "r2"}
    assert feed.releases.fleet.arm("viewer-1").release == "r2"
    # Were it loaded again, it would be refused.
    world.damaged.add("r1")
    world.registry.move("r2", Stage.ROLLED_BACK, NOW, [])
    feed.refresh()
    assert feed.releases.fleet.arm("viewer-1").release == "r1"
    assert list(feed.releases.bundles) == ["r1"], "nothing was live before it"


def test_without_a_standby_only_what_answers_is_in_memory(world, open_feed):
    world.release("r1")
    world.release("r2")
    feed = open_feed(standby=False)
    feed.ready.set()
    feed.refresh()
    assert list(feed.releases.bundles) == ["r2"]
