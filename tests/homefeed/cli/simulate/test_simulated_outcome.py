"""What a simulated run came to, by numbers that can be counted by hand."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from homefeed.cli.simulate.comparison import compare
from homefeed.cli.simulate.expected import expected
from homefeed.cli.simulate.outcome import Measures, Outcome, gini
from homefeed.cli.simulate.policies import policies
from homefeed.settings.world import WorldSettings
from homefeed.world.activity import Impressions
from homefeed.world.behaviour import react
from homefeed.world.build import build_site
from homefeed.world.site import Site
from homefeed.world.vocabulary import DEVICES, TOPICS

END = datetime(2026, 11, 23, tzinfo=UTC)


@cache
def site() -> Site:
    return build_site(WorldSettings(num_viewers=30, num_videos=400, bot_share=0.001), 0, END)


def event(event_type: str, viewer: int, video: int, at: timedelta, **values: Any) -> dict[str, Any]:
    echoed = {"slot": 0, "device": "phone"} if event_type == "impression" else {}
    return {
        "type": event_type,
        "request_id": f"page {viewer} {at}",
        "user": site().viewer_ids[viewer].as_py(),
        "video": site().video_ids[video].as_py(),
        "time": (END + at).isoformat(timespec="microseconds"),
        **echoed,
        **values,
    }


def of_topic(topic: int) -> int:
    return int(np.flatnonzero(site().videos.topic == topic)[0])


def measured(events: list[dict[str, Any]], before: Any = None) -> Measures:
    outcome = Outcome(site(), END, 2)
    # One of each, of the last viewer and the first video, so that no table is empty; without effect on the others.
    rest = [event("watch", 29, 0, timedelta(0), seconds=1.0), event("feedback", 29, 0, timedelta(0), kind="like")]
    outcome.add([event("impression", 29, 0, timedelta(0)), *rest, *events])
    return outcome.measures(np.zeros((30, len(TOPICS)), bool) if before is None else before)


def test_watch_time_is_a_day_and_a_moment_does_not_count() -> None:
    hour = timedelta(hours=1)
    seconds = [event("watch", 3, 7, hour, seconds=s) for s in (100.0, 60.0, 4.9)]
    assert measured(seconds).watch_s[3] == pytest.approx(80)


def test_a_topic_is_discovered_when_it_is_watched_again_or_to_the_end() -> None:
    hour, first, second = timedelta(hours=1), of_topic(0), of_topic(1)
    length = float(site().videos.duration_s[second])
    once = [event("watch", 3, first, hour, seconds=6.0)]
    assert measured(once).discovered[3] == 0
    assert measured(once * 2).discovered[3] == 0.5  # one topic in two days
    ended = [event("watch", 3, second, hour, seconds=0.95 * length)]
    assert measured(once * 2 + ended).discovered[3] == 1.0
    known = np.zeros((30, len(TOPICS)), bool)
    known[3, 0] = True
    assert measured(once * 2 + ended, known).discovered[3] == 0.5
    assert np.flatnonzero(measured(once, known).knew).tolist() == [3]


def test_dismissals_are_those_of_feedback_that_says_no() -> None:
    hour = timedelta(hours=1)
    said = [event("feedback", 3, 7, hour, kind=k) for k in ("like", "not_interested", "report", "dislike", "share")]
    assert measured(said).dismissed[3] == 1.5


def test_an_upload_is_reached_at_its_hundredth_impression_within_a_day() -> None:
    uploaded = (site().videos.uploaded_us - round(END.timestamp() * 1e6)) / 3.6e9
    upload = int(np.flatnonzero(uploaded >= 0)[0])
    at = timedelta(hours=float(uploaded[upload]))
    shown = [event("impression", n % 29, upload, at + timedelta(hours=0.1 * n)) for n in range(100)]
    judged = int(((uploaded >= 0) & (uploaded < 24)).sum())
    reached = measured(shown).reached_h
    assert len(reached) == judged
    assert np.isfinite(reached).sum() == 1
    assert reached[0] == pytest.approx(9.9, abs=0.01)
    assert not np.isfinite(measured(shown[:99]).reached_h).any()
    late = [event("impression", n % 29, upload, at + timedelta(hours=0.25 * n)) for n in range(100)]
    assert not np.isfinite(measured(late).reached_h).any()


def test_gini_by_hand() -> None:
    assert gini(np.zeros(0)) == gini(np.zeros(3)) == 0
    assert gini(np.array([2.0, 2, 2])) == pytest.approx(0)
    assert gini(np.array([0.0, 0, 0, 8])) == pytest.approx(0.75)
    assert gini(np.array([1.0, 3])) == pytest.approx(0.25)


def of_expectation(*shown: tuple[int, float | None], before: Any = None) -> tuple[float, float]:
    """Seconds and topics a day that are expected of impressions of these videos to viewer 3, one an hour, of which some
    are watched for so many seconds."""
    events = []
    for hour, (video, seconds) in enumerate(shown):
        events.append(event("impression", 3, video, timedelta(hours=hour)))
        if seconds is not None:
            events.append(event("watch", 3, video, timedelta(hours=hour), seconds=seconds))
    found = measured(events, before)
    return found.expected_s[3], found.expected_discovered[3]


def interest(video: int, hour: int) -> float:
    time_us = np.array([round((END + timedelta(hours=hour)).timestamp() * 1e6)])
    phone = np.array([DEVICES.index("phone")])
    return float(site().interest(np.array([3]), np.array([video]), np.array([0]), time_us, phone)[0])


def test_expected_topics_by_hand() -> None:
    mine = np.flatnonzero(site().videos.topic == 0)
    first, again = mine[site().allowed(np.full(len(mine), 3), mine)][:2].tolist()
    _, once = of_expectation((first, None))
    # Two days; a first watch discovers its topic only when it is to the end.
    assert 0 < once < interest(first, 0) / 2
    _, unwatched = of_expectation((first, None), (again, None))
    _, watched = of_expectation((first, 6.0), (again, None))
    assert once < unwatched < watched
    assert watched == pytest.approx(once + interest(again, 1) / 2)
    # What was discovered by a second watch, or by one to the end, or watched before, cannot be discovered any more.
    _, settled = of_expectation((first, 6.0), (again, 6.0), (first, None))
    assert settled == pytest.approx(watched)
    _, ended = of_expectation((first, float(site().videos.duration_s[first])), (again, None))
    assert ended == pytest.approx(once)
    known = np.zeros((30, len(TOPICS)), bool)
    known[3, 0] = True
    assert of_expectation((first, 6.0), (again, None), before=known)[1] == 0


def test_what_is_expected_is_the_mean_of_what_happens() -> None:
    """The same pages, reacted to again and again: each viewer sees 40 videos."""
    rng = np.random.default_rng(5)
    n, start_us = 30 * 40, round(END.timestamp() * 1e6)
    visit = np.repeat(np.arange(30), 40)
    device = np.full(n, DEVICES.index("phone"), np.int8)
    # The first slots and few topics, so that something is watched twice.
    video = np.concatenate([rng.permutation(np.flatnonzero(site().videos.topic < 6))[:40] for _ in range(30)])
    seen = Impressions(
        visit, visit, video, np.tile(np.arange(40) % 3, 30), start_us + np.tile(np.arange(40), 30) * 10**6, device
    )
    columns = {name: getattr(seen, name) for name in ("viewer", "video", "slot", "time_us")}
    columns |= {"device": device.astype(np.int64), "request": np.arange(n)}
    people, none = ~site().audience.is_bot, np.zeros((30, len(TOPICS)), bool)
    happened, promised = [], []
    for _ in range(1500):
        made = react(site(), seen, rng).watches
        wanted = made.row[~made.accidental]
        seconds = made.seconds[~made.accidental].astype(np.float64)
        watches = {"viewer": visit[wanted], "video": video[wanted], "seconds": seconds, "request": wanted}
        found = expected(site(), columns, watches, none)
        cell = visit[wanted] * len(TOPICS) + site().videos.topic[video[wanted]]
        ended = np.bincount(cell, seconds >= 0.9 * site().videos.duration_s[video[wanted]], none.size) > 0
        topics = ((np.bincount(cell, minlength=none.size) >= 2) | ended).reshape(none.shape)
        happened.append((np.bincount(visit[wanted], seconds, 30)[people].sum(), topics[people].sum()))
        promised.append((found.watch_s[people].sum(), found.discovered[people].sum()))
    gap = np.array(happened) - np.array(promised)
    error = gap.std(axis=0) / np.sqrt(len(gap))
    assert (np.abs(gap.mean(axis=0)) < 3.5 * error).all()
    assert (error < 0.03 * np.mean(happened, axis=0)).all()


def run(watch: float, reached: int) -> Measures:
    hours = np.where(np.arange(50) < reached, 5.0, np.inf)
    watched = np.linspace(50, 150, 400) * watch
    # Half of the viewers had watched something before, and discover half as much.
    knew = np.arange(400) % 2 == 0
    discovered = np.where(knew, 0.5, 1.0) * watch
    return Measures(watched, discovered, 2 * watched, 2 * discovered, knew, np.zeros(400), hours, 0.4)


def test_policies_are_compared_with_the_first_over_the_same_viewers() -> None:
    pure, _, explored, *_ = policies([0.0, 0.1])
    compared = compare([(pure, [run(1.0, 5), run(1.0, 5)]), (explored, [run(0.98, 20), run(0.98, 20)])], seed=0)
    own = compared[1]
    # Every viewer watches 2 % less, so the paired interval has no width.
    assert (own.watch_ratio.estimate, own.watch_ratio.low) == pytest.approx((0.98, 0.98))
    assert own.discovered.estimate == pytest.approx(0.98 * 0.75)
    assert own.expected_watch_ratio.estimate == pytest.approx(0.98)
    assert own.expected_beyond_ratio.estimate == pytest.approx(0.98)
    assert own.watch_s.estimate == pytest.approx(98)
    assert own.reached.estimate == pytest.approx(0.4)
    assert own.reached_ratio.estimate == pytest.approx(4)
    assert own.reached_ratio.low is not None
    assert 2 < own.reached_ratio.low < 4
    assert own.reached_h == 5
    assert own.gini == pytest.approx(0.4)
    assert own.dismissed_ratio.estimate is None  # nobody dismissed anything


def test_without_an_upload_that_reached_there_is_no_ratio() -> None:
    pure, _, explored, *_ = policies([0.0, 0.1])
    compared = compare([(pure, [run(1.0, 0)]), (explored, [run(1.0, 3)])], seed=0)
    assert compared[1].reached_ratio.estimate is None
    assert compared[0].reached_h is None
