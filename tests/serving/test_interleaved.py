"""A page that two releases draft: who picks, every slot's propensity, what is logged, and when it is not drafted."""

import sys
import time
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from tiny_site import NOW

from homefeed import ids, serving_log
from homefeed.buckets import bucket
from homefeed.lake import open_lake
from homefeed.registry import Stage
from models.interleaving import FIRST, NOBODY, SECOND, draft
from monitoring.experiments.interleaving import read_interleaving
from serving.draft import Ranked
from serving.interleavings import Interleaving, Interleavings
from serving.metrics import INTERLEAVED
from serving.process import start
from serving.remade import RemadeError, only_release
from serving.request import PageRequest
from serving.selector import slate

COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))
LOGGED = "20261123T2200Z"


def test_no_slot_and_rankings_that_run_out():
    assert draft([1], [2], []).videos.tolist() == []
    assert draft([], [], [True]).videos.tolist() == []
    page = draft([1], [], [True, False])
    assert (page.videos.tolist(), page.team.tolist()) == ([1], [NOBODY])


def test_a_draft_by_hand():
    """Slot 0: the second picks 2. Slot 1: the first's best is 1, the second's too. Slot 2: 3 or 5, the first picks."""
    page = draft([1, 2, 3, 4], [2, 1, 5, 6], [True, True, False, True])
    assert page.videos.tolist() == [2, 1, 3, 5]
    assert page.team.tolist() == [SECOND, NOBODY, FIRST, SECOND]
    assert (page.first.tolist(), page.second.tolist()) == ([1, 1, 3, 4], [2, 1, 5, 5])


def test_two_that_agree_are_shown_as_they_are_and_nothing_is_anybodys():
    page = draft(range(5), range(5), [True, False, True, False, True])
    assert page.videos.tolist() == [0, 1, 2, 3, 4]
    assert set(page.team.tolist()) == {NOBODY}


def test_what_explores_is_nobodys_pick():
    page = draft([1, 2], [3, 4], [True, False], [True, False], [4])
    assert (page.videos.tolist(), page.team.tolist()) == ([4, 1], [NOBODY, FIRST])
    assert page.explored.tolist() == [True, False]


def test_logged_propensities_are_the_frequencies_of_the_draft():
    """With e = 0.2 and one video of weight 1 to explore, 4: slot 0 is 0 or 2 with 0.4 each, 4 with 0.2."""
    ranked = Ranked(np.zeros(5, np.float32), np.array([0, 1]), np.array([4]), np.ones(1))
    pages, rounds = {}, 20_000
    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        coins = (rng.random(2) < 0.5).tolist()
        page = slate(ranked, np.full(2, 0.2), rng, np.array([2, 0]), coins)
        chance = float(page.propensity.astype(np.float64).prod())
        seen = pages.setdefault(tuple(page.index.tolist()), [0, chance])
        seen[0] += 1
        assert seen[1] == chance
    assert {index[0] for index in pages} == {0, 2, 4}
    assert pages[0, 2][1] == pytest.approx(0.4 * 0.4)
    assert pages[2, 0][1] == pytest.approx(0.4 * 0.8), "both would pick 0 now"
    assert pages[4, 0][1] == pytest.approx(0.2 * 0.5), "nothing is left to explore"
    assert sum(chance for _, chance in pages.values()) == pytest.approx(1)
    for number, chance in pages.values():
        assert number / rounds == pytest.approx(chance, abs=0.012)


def test_interleavings_share_the_viewers_and_never_meet():
    both = Interleavings((Interleaving("a", ("r1", "r2"), 0.0, 0.2), Interleaving("b", ("r1", "r3"), 0.2, 0.3)))
    found = [both.of(f"viewer-{n}") for n in range(5_000)]
    names = np.array([one.name if one else "" for one in found])
    assert ((names == "a").mean(), (names == "b").mean()) == pytest.approx((0.2, 0.3), abs=0.02)
    assert both.releases == ["r1", "r2", "r3"]
    assert Interleavings().of("viewer-1") is None


@pytest.fixture
def two(world):
    """r1 is live, r2 in canary, and every viewer gets pages of both."""
    world.release("r1")
    world.release("r2", Stage.CANARY)
    world.registry.experiments.start_interleaving("duel", ("r1", "r2"), 1.0, NOW, "me", "which?")
    return world


def pages_of(world, kind="interleaved"):
    return serving_log.read(world.settings.serving_path, kind, LOGGED, LOGGED).to_pylist()


def count(outcome):
    return INTERLEAVED.labels(outcome=outcome)._value.get()


def test_both_releases_pick_as_they_would_alone_and_every_slot_says_whose_it_is(two, open_feed):
    feed = open_feed(exploration=0.0)
    before = count("drafted")
    alone = {}
    for release in ("r1", "r2"):
        feed.interleavings = Interleavings()
        user = next(u for u in map("viewer-{}".format, range(100)) if feed.releases.fleet.arm(u).release == release)
        alone[release] = [video["video"] for video in feed.recommend(PageRequest(user=user))["videos"]]
    feed.refresh()
    page = feed.recommend(PageRequest(user="viewer-1", explain=True))
    feed.close()
    assert (page["release"], page["degraded"], len(page["videos"])) == ("r1+r2", [], 100)
    (logged,) = pages_of(two)
    assert (logged["request_id"], logged["experiment"]) == (page["request_id"], "duel")
    assert logged["releases"] == ["r1", "r2"]
    shown = [video["video"] for video in page["videos"]]
    assert len(set(shown)) == 100
    above: set[str] = set()
    for video, team in zip(page["videos"], logged["teams"], strict=True):
        best = [next(v for v in alone[release] if v not in above) for release in ("r1", "r2")]
        assert team == (NOBODY if best[0] == best[1] else best.index(video["video"]))
        assert video["propensity"] == (1.0 if best[0] == best[1] else 0.5)
        above.add(video["video"])
        # The stubs' only head is their value, so score and head are the picking release's.
        if team != NOBODY:
            worth = two.bundles[("r1", "r2")[team]]._worth(np.array([ids.key(video["video"])]))[0]
            assert video["heads"]["watched"] == pytest.approx(worth)
    assert {FIRST, SECOND} <= set(logged["teams"])
    assert count("drafted") == before + 1
    requests = pages_of(two, "requests")
    assert (requests[-1]["release"], requests[-1]["stage"]) == ("r1+r2", "interleaved")


def test_an_explored_slot_is_nobodys_on_the_page_too(two, open_feed):
    feed = open_feed(exploration=0.5)
    page = feed.recommend(PageRequest(user="viewer-1"))
    feed.close()
    explored = np.array([video["explored"] for video in page["videos"]])
    teams = np.array(pages_of(two)[0]["teams"])
    assert explored.sum() > 20
    assert (teams[explored] == NOBODY).all()


def test_who_began_as_first_stays_first_for_a_viewer_of_the_canary(two, open_feed):
    """For a viewer of r2 the usual page is the second's: the teams are those of the experiment all the same."""
    feed = open_feed(exploration=0.0)
    user = next(u for u in map("viewer-{}".format, range(100)) if feed.releases.fleet.arm(u).release == "r2")
    page = feed.recommend(PageRequest(user=user, num=20))
    feed.close()
    keys = np.array([ids.key(video["video"]) for video in page["videos"]])
    teams = np.array(pages_of(two)[0]["teams"])
    worth = [two.bundles[release]._worth(keys) for release in ("r1", "r2")]
    assert worth[0][teams == FIRST].mean() > worth[0][teams == SECOND].mean()
    assert worth[1][teams == SECOND].mean() > worth[1][teams == FIRST].mean()


@pytest.mark.parametrize(
    ("outcome", "spoil"),
    [
        ("no_time", lambda feed, world: setattr(feed.settings.serving, "deadline_ms", 0.0)),
        ("degraded", lambda feed, world: world.bundles["r2"].broken.add("score")),
        ("not_loaded", lambda feed, world: world.registry.move("r2", Stage.ROLLED_BACK, NOW, [])),
        ("other_release", lambda feed, world: world.release("r9")),
    ],
)
def test_what_cannot_be_drafted_is_the_usual_page_and_is_counted(two, open_feed, monkeypatch, outcome, spoil):
    feed = open_feed()
    user = next(u for u in map("viewer-{}".format, range(100)) if feed.releases.fleet.arm(u).release == "r1")
    if outcome == "no_time":
        # The page itself has all the time of the world; what is left of its deadline is less than it took.
        monkeypatch.setattr("serving.interleaved._MADE_BY", 0.0)
    else:
        spoil(feed, two)
    feed.refresh()
    before = count(outcome)
    page = feed.recommend(PageRequest(user=user))
    feed.close()
    assert page["release"] == ("r9" if outcome == "other_release" else "r1")
    assert len(page["videos"]) == 100
    assert count(outcome) == before + 1
    assert pages_of(two) == []


def test_the_control_of_another_release_stays_whole(two, open_feed):
    """r3 is in canary beside the two: neither its viewers nor its control get pages of both."""
    two.release("r3", Stage.CANARY)
    feed = open_feed()
    share = two.settings.rollout.canary_share
    places = {user: bucket("r3", user) for user in map("viewer-{}".format, range(60))}
    got = {user: feed.recommend(PageRequest(user=user, num=1))["release"] for user in places}
    assert {got[user] for user, place in places.items() if place >= 1 - share} <= {"r1", "r2"}
    assert "r1+r2" not in {got[user] for user, place in places.items() if place < share}
    assert {got[user] for user, place in places.items() if share <= place < 1 - share} == {"r1+r2"}


def test_a_page_of_two_is_explained_by_the_release_that_is_named():
    assert only_release({"release": "r1", "request_id": "r-1"}) == "r1"
    with pytest.raises(RemadeError, match="two releases, r1\\+r2; --release names"):
        only_release({"release": "r1+r2", "request_id": "r-1"})


def test_a_release_that_was_live_is_loaded_for_as_long_as_an_interleaving_names_it(two, open_feed):
    feed = open_feed()
    two.registry.move("r2", Stage.LIVE, NOW, [])
    feed.refresh()
    assert [arm.release for arm in feed.releases.fleet.retired] == ["r1"]
    assert feed.recommend(PageRequest(user="viewer-1"))["release"] == "r1+r2"
    two.registry.experiments.stop("duel", NOW + timedelta(hours=1), "me", "r2 won")
    feed.refresh()
    feed.refresh()
    assert feed.releases.fleet.retired == ()
    assert feed.recommend(PageRequest(user="viewer-1"))["release"] == "r2"


def test_the_pages_and_what_was_watched_of_them_name_the_better_release(two, open_feed):
    """300 viewers see a page of 20 each and watch what r2 likes: what they saw joins with whose pick it was."""
    feed, random = open_feed(), np.random.default_rng(0)
    pages = [feed.recommend(PageRequest(user=f"viewer-{n}", num=20)) for n in range(300)]
    feed.close()
    rows = []
    for page in pages:
        videos = [ids.key(video["video"]) for video in page["videos"]]
        chances = 0.3 * two.bundles["r2"]._worth(np.array(videos)) ** 4
        for slot, (video, watched) in enumerate(zip(videos, random.random(20) < chances, strict=True)):
            known = {"window": LOGGED, "time": NOW, "user": ids.key(page["user"]), "video": video, "slot": slot}
            shown = {"event_id": f"{page['request_id']}-{slot}", "request_id": page["request_id"]}
            rows.append(known | shown | {"watched": bool(watched)})
    lake = open_lake(two.settings.lake_path)
    lake.replace("exposures", [LOGGED], pa.Table.from_pylist(rows, schema=lake.schemas["exposures"]))
    reading = read_interleaving(two.settings, two.registry.experiments.named("duel"), NOW)
    assert (reading.num_pages, reading.num_viewers, reading.winner) == (300, 300, "r2")
    assert not reading.is_void
    assert reading.watched[1] > reading.watched[0]


@pytest.mark.slow
def test_the_service_interleaves_over_http(two):
    two.settings = two.settings.model_copy(
        update={"serving": two.settings.serving.model_copy(update={"poll_s": 0.1, "log_flush_s": 0.1})}
    )
    for release in ("r1", "r2"):
        two.write_stub(release)
    with (
        start(two.settings, 0, command=COMMAND) as process,
        httpx.Client(base_url=process.url, timeout=30) as client,
    ):
        until = time.monotonic() + 60
        while True:
            page = client.post("/recommend", json={"user": "viewer-1", "num": 40}).json()
            if page["release"] == "r1+r2" or time.monotonic() > until:
                break
            time.sleep(0.1)
        assert page["release"] == "r1+r2"
        metrics = client.get("/metrics").text
        assert 'homefeed_interleaved_total{outcome="drafted"}' in metrics
        assert 'homefeed_pages_total{release="r1+r2",stage="interleaved"}' in metrics
    row = next(row for row in pages_of(two) if row["request_id"] == page["request_id"])
    assert len(row["teams"]) == 40
    slots = zip(page["videos"], row["teams"], strict=True)
    assert all(team == NOBODY for video, team in slots if video["explored"])
