import time

import numpy as np
import pytest
from tiny_site import NOW, WINDOW, table, video_id

from homefeed import ids, serving_log
from homefeed.registry import Stage
from serving.feed import NoCatalogueError
from serving.request import PageRequest


def shown(page):
    return [video["video"] for video in page["videos"]]


def ask(feed, user="viewer-1", **asked):
    return feed.recommend(PageRequest(user=user, **asked))


def keys(*numbers):
    return [ids.key(video_id(n)) for n in numbers]


def test_without_a_catalogue_the_reason_is_given_and_logged(world, open_feed):
    for file in world.settings.snapshots_path.glob("*"):
        file.unlink()
    feed = open_feed()
    with pytest.raises(NoCatalogueError, match="no catalogue yet.*build_features"):
        ask(feed)
    feed.close()
    rows = serving_log.read(world.settings.serving_path, "requests", "20261123T2200Z", "20261123T2200Z")
    assert rows.num_rows == 1
    assert "no catalogue yet" in rows.column("error")[0].as_py()


def test_without_a_release_the_page_is_what_is_trending(open_feed):
    page = ask(open_feed(exploration=0.0, channel_decay=1.0, topic_decay=1.0), num=5)
    assert shown(page) == [video_id(i) for i in range(5)]
    assert page["release"] == ""
    assert page["degraded"] == ["no_release"]


def test_an_unknown_viewer_gets_a_full_page_of_the_live_release(world, open_feed):
    world.release("r1")
    page = ask(open_feed(), user="никто-never-seen")
    assert len(set(shown(page))) == 100
    assert page["release"] == "r1"
    assert page["degraded"] == []
    first = page["videos"][0]
    assert set(first) == {
        "slot", "video", "title", "channel", "topics", "duration_s", "uploaded", "source", "score", "propensity",
        "explored", "why",
    }  # fmt: skip
    assert all(video["why"] for video in page["videos"])
    assert [video["slot"] for video in page["videos"]] == list(range(100))


def test_filters_hold_on_every_page_and_their_counts_add_up(world, open_feed):
    world.publish(table(400, min_age={5: 18}, countries={6: ["FR"]}, uploaded={7: NOW.replace(hour=23)}))
    world.release("r1")
    world.viewers["viewer-1"] = {
        "known": True, "age": 17, "country": "DE",
        "watched_videos": keys(0, 1), "history_videos": keys(2), "history_times": [1], "dismissed_videos": keys(3),
        "blocked_channels": [ids.key("channel-04")],
    }  # fmt: skip
    removed = {video_id(i) for i in (0, 1, 2, 3, 5, 6, 7)} | {video_id(i) for i in range(4, 400, 20)}
    feed = open_feed()
    everything = {v for _ in range(10) for v in shown(ask(feed, exploration=0.5))}
    assert not everything & removed
    feed.close()
    for sample, number in {"watched": 3, "dismissed": 1, "age": 1, "country": 1, "not_uploaded": 1}.items():
        assert feed_counts(world, open_feed)[f"removed_{sample}"] == number
    counts = feed_counts(world, open_feed)
    proposed = sum(n for name, n in counts.items() if name.startswith("proposed_"))
    assert proposed - sum(n for name, n in counts.items() if name.startswith("removed_")) == counts["kept"]
    assert video_id(6) in {v for _ in range(30) for v in shown(ask(open_feed(), country="FR", exploration=0.9))}


def feed_counts(world, open_feed):
    from serving.draft import Draft
    from serving.pipeline import run
    from serving.viewer import viewer_of

    feed = open_feed()
    request = PageRequest(user="viewer-1")
    viewer = viewer_of(world.viewers["viewer-1"])
    arm = feed.releases.fleet.live
    draft = Draft("r-1", request, NOW, viewer, feed.snapshot, arm.bundle, feed.settings.serving, 0.1)
    run(draft)
    return draft.counts | {"kept": len(draft.rows)}


def test_a_viewer_who_watched_nearly_everything_still_gets_what_is_left(world, open_feed):
    world.release("r1")
    world.viewers["viewer-1"] = {"known": True, "watched_videos": keys(*range(390))}
    page = ask(open_feed(num_candidates=50, num_trending=50, num_fresh=20))
    assert sorted(shown(page)) == [video_id(i) for i in range(390, 400)]


def test_sources_say_why(world, open_feed):
    world.release("r1")
    world.viewers["viewer-1"] = {
        "known": True,
        "subscribed_channels": [ids.key("channel-11")],
        "history_videos": keys(30, 31),
        "history_times": [1, 2],
    }
    page = ask(open_feed(exploration=0.0, num_candidates=100))
    why = {(video["source"], video["why"]) for video in page["videos"]}
    assert ("subscriptions", "You subscribe to channel-11") in why
    assert ("more_like", "Because you watched “Title of 31 <b>”") in why
    assert any(source == "two_tower" and "Fits what you watch: topic-" in text for source, text in why)


def test_fresh_uploads_are_a_source_of_their_own(world, open_feed):
    world.release("r1")
    page = ask(open_feed(num_candidates=10, num_trending=1, num_more_like=1), num=30, exploration=0.0)
    fresh = {video["video"] for video in page["videos"] if video["source"] == "fresh"}
    assert fresh
    assert fresh <= {video_id(i) for i in range(24)}  # uploaded within 24 hours


@pytest.mark.parametrize(("part", "named"), [("query", "two_tower"), ("search", "two_tower"), ("score", "ranker")])
def test_a_failing_part_degrades_the_page_and_is_named(world, open_feed, part, named):
    world.release("r1")
    feed = open_feed(exploration=0.0)
    world.bundles["r1"].broken.add(part)
    page = ask(feed)
    assert page["degraded"] == [named]
    assert len(set(shown(page))) == 100


def test_a_ranker_that_answers_nan_is_not_believed(world, open_feed):
    world.release("r1")
    feed = open_feed(exploration=0.0, channel_decay=1.0, topic_decay=1.0)
    world.bundles["r1"].broken.add("nan")
    page = ask(feed, num=3)
    assert page["degraded"] == ["ranker"]
    assert shown(page) == [video_id(i) for i in range(3)]


def test_a_slow_or_broken_online_store_costs_the_timeout_and_then_nothing(world, open_feed):
    calls = []

    def slow(user):
        time.sleep(0.2)

    def broken(user):
        if user == "nobody":  # the store breaks after it was opened
            return {}
        calls.append(user)
        raise ConnectionError("gone")

    assert ask(open_feed(lambda: slow, viewer_timeout_s=0.01))["degraded"] == ["viewer_timeout", "no_release"]
    feed = open_feed(lambda: broken, breaker_failures=3, breaker_s=3600.0)
    parts = [ask(feed)["degraded"][0] for _ in range(5)]
    assert parts == ["viewer_error"] * 3 + ["viewer_breaker"] * 2
    assert calls == ["viewer-1"] * 3


def test_a_store_that_does_not_exist_yet_is_opened_when_it_appears(world, open_feed):
    there = []

    def store():
        if not there:
            raise FileNotFoundError("nothing was materialised yet")
        return world.read

    feed = open_feed(store)
    assert "viewer_no_store" in ask(feed)["degraded"]
    there.append(True)
    feed.refresh()
    assert ask(feed)["degraded"] == ["no_release"]


def test_exploration_is_a_knob_of_the_service_and_of_a_request(world, open_feed):
    world.release("r1")
    feed = open_feed(num_candidates=120)

    def explored(**asked):
        return sum(video["explored"] for video in ask(feed, **asked)["videos"])

    assert explored(exploration=0.0) == 0
    assert explored(exploration=1.0) > 0
    world.registry.knobs.turn("exploration", 0.0, NOW, "me", "quiet evening")
    feed.refresh()
    assert feed.state()["exploration"] == 0.0
    assert explored() == 0
    world.registry.knobs.turn("exploration", None, NOW, "me")
    feed.refresh()
    assert feed.state()["exploration"] == feed.settings.serving.exploration


def test_the_log_holds_every_slot_with_its_propensity(world, open_feed):
    world.release("r1")
    feed = open_feed()
    page = ask(feed, device="phone")
    feed.close()
    window = "20261123T2200Z"
    requests = serving_log.read(world.settings.serving_path, "requests", window, window).to_pylist()
    pages = serving_log.read(world.settings.serving_path, "pages", window, window).to_pylist()
    assert [(r["request_id"], r["release"], r["stage"], r["error"]) for r in requests] == [
        (page["request_id"], "r1", "live", "")
    ]
    assert requests[0]["num_candidates"] == 400
    assert pages[0]["videos"] == shown(page)
    assert pages[0]["propensities"] == pytest.approx([video["propensity"] for video in page["videos"]])
    assert pages[0]["device"] == "phone"


def test_a_shadow_release_makes_the_same_page_off_the_response_path(world, open_feed):
    world.release("r1")
    world.release("r2", Stage.SHADOW)
    feed = open_feed(shadow_share=1.0)
    pages = [ask(feed, user=f"viewer-{i}") for i in range(5)]
    feed.close()  # finishes the queue
    world.bundles["r2"].broken.add("score")
    feed = open_feed(shadow_share=1.0)
    ask(feed)
    feed.close()
    rows = serving_log.read(world.settings.serving_path, "shadow", "20261123T2200Z", "20261123T2200Z").to_pylist()
    assert [(r["release"], r["live_release"]) for r in rows] == [("r2", "r1")] * 6
    assert {p["release"] for p in pages} == {"r1"}
    assert all(0 <= r["overlap_at_100"] < 1 for r in rows)
    # Each feed wrote a file of its own, and these come in no order.
    assert sorted(r["error"] for r in rows) == [""] * 5 + ["degraded: ranker"]


def test_a_new_snapshot_is_taken_up(world, open_feed):
    feed = open_feed(exploration=0.0)
    assert feed.state()["snapshot"] == {"window": WINDOW, "videos": 400}
    from tiny_site import write_snapshot

    write_snapshot(world.settings.snapshots_path, table(30), "20261123T2200Z")
    feed.refresh()
    page = ask(feed)
    assert len(page["videos"]) == 30
    damaged = world.settings.snapshots_path / "20261123T2210Z.arrow"
    damaged.write_bytes(b"torn")
    feed.refresh()
    assert len(ask(feed)["videos"]) == 30


def test_the_draws_of_a_page_can_be_made_again(world, open_feed):
    from serving.selector import select

    world.release("r1")
    feed = open_feed()
    page = ask(feed, exploration=0.5)
    from serving.draft import Draft
    from serving.pipeline import run
    from serving.viewer import UNKNOWN

    arm = feed.releases.fleet.live
    request = PageRequest(user="viewer-1")
    draft = Draft(page["request_id"], request, NOW, UNKNOWN, feed.snapshot, arm.bundle, feed.settings.serving, 0.5)
    run(draft)
    ids_again = feed.snapshot.table.column("video_id").take(draft.rows[draft.slate.index]).to_pylist()
    assert ids_again == shown(page)
    first = draft.slate.index
    select(draft)
    assert np.array_equal(first, draft.slate.index)
