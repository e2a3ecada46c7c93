"""The time of a page: what is left out when it runs out, and that it is said."""

import asyncio
import time

import numpy as np
import pytest

from homefeed import ids
from homefeed.registry import Stage
from serving.admission import ARRIVED, Admission
from serving.budget import Budget, Pace
from serving.request import PageRequest


def ask(feed, **asked):
    return feed.recommend(PageRequest(user="viewer-1", debug=True, **asked))


def test_before_the_first_page_nothing_is_cut() -> None:
    assert Pace().affordable(0.001) == float("inf")


def test_the_pace_is_that_of_the_pages_before_the_newest_for_a_tenth() -> None:
    pace = Pace()
    pace.learn(1000, 1.0)
    assert pace.affordable(0.5) == pytest.approx(500)
    pace.learn(1000, 2.0)
    assert pace.affordable(0.5) == pytest.approx(0.5 / 0.0011)
    pace.learn(0, 1.0)
    assert pace.affordable(-1) == 0


def test_a_page_that_could_not_be_ranked_makes_the_next_one_cheaper() -> None:
    pace = Pace()
    pace.learn(1000, 1.0)
    for _ in range(7):
        pace.doubt()
    assert pace.affordable(1.0) > 2000


def test_a_page_that_nobody_waits_for_has_no_deadline() -> None:
    assert Budget().left_s(0.1) == float("inf")


def test_a_page_in_time_ranks_all_and_says_where_the_time_went(world, open_feed) -> None:
    world.release("r1")
    page = ask(open_feed())
    debug = page["debug"]
    assert page["degraded"] == []
    assert set(debug["stages_ms"]) == {"viewer", "sources", "hydrate", "filter", "score", "select", "answer"}
    assert debug["num_ranked"] == 400
    assert debug["counts"]["left_out"] == 0
    assert debug["deadline_ms"] == 20_000
    assert "debug" not in open_feed().recommend(PageRequest(user="viewer-1"))


def test_more_than_are_ranked_are_cut_and_every_source_keeps_its_best(world, open_feed) -> None:
    world.release("r1")
    feed = open_feed(
        num_ranked=150,
        exploration=0.0,
        channel_decay=1.0,
        topic_decay=1.0,
        num_candidates=300,
        num_trending=100,
        num_fresh=20,
    )
    page = ask(feed)
    assert page["degraded"] == []
    assert page["debug"]["num_ranked"] == 150
    assert page["debug"]["counts"]["left_out"] > 0
    bundle = feed.releases.fleet.live.bundle
    # The stub's ranker orders as its index does: what the index likes best is on the page.
    best = bundle.search(np.ones(4), 10)[0]
    assert set(best.tolist()) <= {ids.key(video["video"]) for video in page["videos"]}


def test_with_little_time_fewer_are_ranked(world, open_feed) -> None:
    world.release("r1")
    feed = open_feed()
    feed._pace.learn(10, 1.0)
    page = ask(feed)
    assert page["degraded"] == ["fewer_ranked"]
    assert 100 <= page["debug"]["num_ranked"] <= 170
    assert len(page["videos"]) == 100


def test_with_no_time_the_page_is_what_is_trending(world, open_feed) -> None:
    world.release("r1")
    feed = open_feed(exploration=0.0)
    feed._pace.learn(1, 10.0)
    page = ask(feed)
    assert "no_time_to_rank" in page["degraded"]
    assert len(page["videos"]) == 100
    assert feed._pace.affordable(10.0) > 1


def test_a_late_request_asks_no_optional_source(world, open_feed) -> None:
    world.release("r1")
    ARRIVED.set(time.perf_counter() - 60)
    try:
        page = ask(open_feed())
    finally:
        ARRIVED.set(None)
    assert {"skipped_subscriptions", "skipped_more_like", "skipped_fresh"} <= set(page["degraded"])
    assert {"proposed_two_tower", "proposed_trending"} <= set(page["debug"]["counts"])
    assert page["debug"]["waited_ms"] >= 60_000
    assert len(page["videos"]) == 100


def test_sources_side_by_side_propose_the_same(world, open_feed) -> None:
    world.release("r1", Stage.LIVE)
    alone, beside = ask(open_feed(exploration=0.0)), ask(open_feed(exploration=0.0, source_threads=2))
    assert [video["video"] for video in alone["videos"]] == [video["video"] for video in beside["videos"]]


def test_a_source_that_does_not_come_in_time_is_left_out(world, open_feed) -> None:
    world.release("r1")
    feed = open_feed(source_threads=2, deadline_ms=500.0)
    bundle = feed.releases.fleet.live.bundle
    query = bundle.query
    bundle.query = lambda user, now: (time.sleep(1.0), query(user, now))[1]
    page = ask(feed)
    assert "late_two_tower" in page["degraded"]
    assert len(page["videos"]) == 100


class Service:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        if scope["path"] == "/recommend":
            await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def status_of(app, path: str) -> int:
    sent = []

    async def send(message) -> None:
        sent.append(message)

    await app({"type": "http", "path": path}, None, send)
    return sent[0]["status"]


def test_one_page_too_many_is_refused_at_once_and_nothing_else_is() -> None:
    async def run() -> None:
        service = Service()
        app = Admission(service, 2)
        pages = [asyncio.create_task(status_of(app, "/recommend")) for _ in range(2)]
        await asyncio.sleep(0)
        assert await status_of(app, "/recommend") == 429
        assert await status_of(app, "/events") == 200
        service.go.set()
        assert await asyncio.gather(*pages) == [200, 200]
        assert await status_of(app, "/recommend") == 200

    asyncio.run(run())
