import numpy as np
import pytest
from tiny_site import NOW

from homefeed import serving_log
from serving.knobs import Exploration, KnobArm, read_exploration
from serving.request import PageRequest


def test_an_arm_goes_before_a_release_and_a_release_before_everyone():
    knob = Exploration(0.1, {"r1": 0.2}, (KnobArm("all", 0.3, 0.0, 1.0),))
    assert knob.of("viewer", "r1") == (0.3, "all")
    assert Exploration(0.1, {"r1": 0.2}).of("viewer", "r1") == (0.2, "")
    assert Exploration(0.1, {"r1": 0.2}).of("viewer", "r2") == (0.1, "")


def test_an_arm_has_its_share_of_the_viewers_and_always_the_same():
    knob = Exploration(0.1, {}, (KnobArm("a", 0.3, 0.0, 0.1), KnobArm("b", 0.5, 0.1, 0.25)))
    users = [f"viewer-{n}" for n in range(20_000)]
    arms = np.array([knob.of(user, "r1")[1] for user in users])
    assert (arms == "a").mean() == pytest.approx(0.1, abs=0.01)
    assert (arms == "b").mean() == pytest.approx(0.25, abs=0.01)
    # Without the first arm nobody else moves.
    alone = Exploration(0.1, {}, knob.arms[1:])
    assert [alone.of(user, "r1")[1] == "b" for user in users] == (arms == "b").tolist()


def test_a_service_follows_the_knob_and_logs_the_arm(world, open_feed):
    world.release("r1")
    feed = open_feed(num_candidates=100)
    world.registry.turn_knob("exploration", 0.25, NOW, "me", release="r1")
    world.registry.turn_knob("exploration", 1.0, NOW, "me", "try it", arm="much", share=0.5)
    assert feed.exploration.of("viewer-1", "r1") == (0.1, "")
    feed.refresh()
    assert feed.state()["knobs"]["exploration"] == {
        "value": 0.1,
        "releases": {"r1": 0.25},
        "arms": [{"arm": "much", "value": 1.0, "share": 0.5}],
    }
    for number in range(20):
        feed.recommend(PageRequest(user=f"viewer-{number}"))
    feed.recommend(PageRequest(user="viewer-0", exploration=0.7))
    feed.close()
    window = "20261123T2200Z"
    pages = serving_log.read(world.settings.serving_path, "pages", window, window).to_pylist()
    said = {(page["exploration"], page["knob_arm"]) for page in pages[:20]}
    assert said == {(0.25, ""), (1.0, "much")}
    assert (pages[20]["exploration"], pages[20]["knob_arm"]) == (0.7, "")
    assert all(any(page["explored"]) for page in pages if page["knob_arm"])


def test_a_knob_that_cannot_be_read_leaves_the_one_that_is_there(world, open_feed, monkeypatch):
    feed = open_feed()
    world.registry.turn_knob("exploration", 0.4, NOW, "me")
    feed.refresh()
    monkeypatch.setattr(feed._registry, "knobs", lambda name: 1 / 0)
    feed.refresh()
    assert feed.state()["exploration"] == 0.4


def test_what_was_not_turned_is_as_the_settings_have_it(world):
    assert read_exploration(world.settings, world.registry) == Exploration(world.settings.serving.exploration)
