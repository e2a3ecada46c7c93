"""What a simulated run came to, by numbers that can be counted by hand."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from homefeed.cli.simulate.comparison import compare
from homefeed.cli.simulate.outcome import Measures, Outcome, gini
from homefeed.cli.simulate.policies import policies
from homefeed.settings.world import WorldSettings
from homefeed.world.build import build_site
from homefeed.world.site import Site
from homefeed.world.vocabulary import TOPICS

END = datetime(2026, 11, 23, tzinfo=UTC)


@cache
def site() -> Site:
    return build_site(WorldSettings(num_viewers=30, num_videos=400, bot_share=0.001), 0, END)


def event(event_type: str, viewer: int, video: int, at: timedelta, **values: Any) -> dict[str, Any]:
    return {
        "type": event_type,
        "user": site().viewer_ids[viewer].as_py(),
        "video": site().video_ids[video].as_py(),
        "time": (END + at).isoformat(timespec="microseconds"),
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


def run(watch: float, reached: int) -> Measures:
    hours = np.where(np.arange(50) < reached, 5.0, np.inf)
    watched = np.linspace(50, 150, 400) * watch
    # Half of the viewers had watched something before, and discover half as much.
    knew = np.arange(400) % 2 == 0
    discovered = np.where(knew, 0.5, 1.0) * watch
    return Measures(watched, discovered, knew, np.zeros(400), hours, 0.4)


def test_policies_are_compared_with_the_first_over_the_same_viewers() -> None:
    pure, _, explored, *_ = policies([0.0, 0.1])
    compared = compare([(pure, [run(1.0, 5), run(1.0, 5)]), (explored, [run(0.98, 20), run(0.98, 20)])], seed=0)
    own = compared[1]
    # Every viewer watches 2 % less, so the paired interval has no width.
    assert (own.watch_ratio.estimate, own.watch_ratio.low) == pytest.approx((0.98, 0.98))
    assert own.discovered.estimate == pytest.approx(0.98 * 0.75)
    assert own.beyond_ratio.estimate == pytest.approx(0.98)
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
