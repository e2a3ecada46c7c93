import asyncio

import httpx
import numpy as np
import pytest
from tiny_site import NOW

from homefeed import serving_log
from serving.knobs import Exploration, KnobArm, read_exploration
from serving.request import PageRequest
from serving.site import site


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
    world.registry.knobs.turn("exploration", 0.25, NOW, "me", release="r1")
    world.registry.knobs.turn("exploration", 1.0, NOW, "me", "try it", arm="much", share=0.5)
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


def test_a_knob_that_is_turned_while_a_release_is_loaded_does_not_wait_for_it(world, open_feed):
    world.release("r1")
    feed = open_feed()
    world.release("r2")
    said = []

    def load(settings, release, rest):
        world.registry.knobs.turn("exploration", 0.4, NOW, "me")
        feed.releases._next_look = 0.0
        rest()
        said.append(feed.state()["exploration"])
        return world.load(settings, release, rest)

    feed.releases._load = load
    feed.refresh()
    assert said == [0.4]


def test_a_knob_that_cannot_be_read_leaves_the_one_that_is_there(world, open_feed, monkeypatch):
    feed = open_feed()
    world.registry.knobs.turn("exploration", 0.4, NOW, "me")
    feed.refresh()
    monkeypatch.setattr(feed._registry, "knobs", lambda name: 1 / 0)
    feed.refresh()
    assert feed.state()["exploration"] == 0.4


def test_what_was_not_turned_is_as_the_settings_have_it(world):
    assert read_exploration(world.settings, world.registry) == Exploration(world.settings.serving.exploration)


@pytest.fixture
def turn(open_feed, tmp_path):
    """`turn(token, **fields)` is the status and the answer of a call of the service whose token is `sesame`."""
    file = tmp_path / "token"
    file.write_text("sesame\n")
    feed = open_feed(operator_token_file=file)

    def call(token, **fields):
        site.state.feed = feed
        headers = {"authorization": b"Bearer " + token.encode()} if token else {}

        async def asked():
            transport = httpx.ASGITransport(site)
            async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
                return await client.post("/v1/knobs/exploration", json={"by": "ana"} | fields, headers=headers)

        answer = asyncio.run(asked())
        return answer.status_code, answer.json()

    call.feed = feed
    return call


def test_who_knows_the_token_turns_the_knob_at_once(turn, world):
    status, answer = turn("sesame", value=0.4, reason="more new channels")
    assert (status, answer["knobs"]["exploration"]["value"]) == (200, 0.4)
    assert turn.feed.usual_exploration("viewer-1") == 0.4
    newest = world.registry.knobs.newest("exploration")[0]
    assert (newest.value, newest.by, newest.reason) == (0.4, "ana", "more new channels")
    assert turn("sesame", value=None)[1]["knobs"]["exploration"]["value"] == world.settings.serving.exploration


@pytest.mark.parametrize("token", ["", "open", "sesame2", "sésame"])
def test_without_the_token_nothing_turns(turn, world, token):
    assert turn(token, value=0.4)[0] == 401
    assert world.registry.knobs.newest("exploration") == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"value": 1.5}, "value: Input should be less than or equal to 1"),
        ({"value": 0.2, "by": ""}, "by: String should have at least 1 character"),
        ({"value": 0.2, "arm": "a", "release": "r1"}, "body: a value is for a release or for an arm"),
        ({"value": 0.2, "release": "r9"}, "there is no release 'r9'"),
        ({"value": None, "arm": "a"}, "exploration was not turned for 'a'"),
        ({"valeu": 0.2}, "value: Field required"),
    ],
)
def test_a_wrong_turn_is_refused_in_a_sentence(turn, fields, said):
    status, answer = turn("sesame", **fields)
    assert status == 400
    assert answer["error"].startswith(said)


def test_without_a_file_in_the_settings_or_on_the_disk_the_call_is_off(turn, world, tmp_path):
    (tmp_path / "token").unlink()
    assert turn("sesame", value=0.2)[0] == 403
    turn.feed.settings = world.settings
    status, answer = turn("", value=0.2)
    assert status == 403
    assert "HOMEFEED_SERVING__OPERATOR_TOKEN_FILE" in answer["error"]
