"""G11: what pages in shadow must not be: empty, of few videos, or with a video that must not be shown."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from stub_site import WINDOW, StubSite

from homefeed import ids, windows
from homefeed.serving_log import SHADOW
from homefeed.settings.rollout import RolloutSettings
from monitoring.gates.page_health import concentration, health_checks
from monitoring.shadow_pages import ShadowPages, _shown_wrongly, shadow_pages

KNOBS = RolloutSettings(min_shadow_pages=50)
AT = windows.end(WINDOW)


def some_pages(**changed: object) -> ShadowPages:
    """A hundred pages of ten slots; page i shows videos 10 i .. 10 i + 9, in shadow as live."""
    slots, lengths = np.arange(1000), np.full(100, 10)
    return replace(ShadowPages(lengths, lengths, slots, slots), **changed)


def failed(pages: ShadowPages) -> list[str]:
    return [check.name for check in health_checks(pages, KNOBS) if check.verdict == "fail"]


def test_too_few_pages_wait() -> None:
    few = ShadowPages(*(np.zeros(0, np.int64) for _ in range(4)))
    assert {check.verdict.value for check in health_checks(few, KNOBS)} == {"wait"}


def test_pages_like_lives_pass() -> None:
    assert {check.verdict.value for check in health_checks(some_pages(), KNOBS)} == {"pass"}


def test_popularity_collapse() -> None:
    """Five of the ten slots of every page show the same five videos."""
    collapsed = np.where(np.arange(1000) % 10 < 5, np.arange(1000) % 10, np.arange(1000))
    assert failed(some_pages(videos=collapsed)) == ["page_coverage", "page_concentration"]
    # 505 different videos; the twenty shown most are the five, and fifteen that are shown once.
    assert concentration(collapsed) == pytest.approx((500 + 15) / 1000)


def test_a_tenth_less_coverage_is_allowed() -> None:
    assert failed(some_pages(videos=np.where(np.arange(1000) < 100, 500, np.arange(1000)))) == ["page_concentration"]
    assert failed(some_pages(videos=np.concatenate([np.arange(902), np.arange(98)]))) == []
    assert failed(some_pages(videos=np.concatenate([np.arange(898), np.arange(102)]))) == ["page_coverage"]


def test_what_must_not_be_shown() -> None:
    assert failed(some_pages(num_withdrawn=1)) == ["page_withdrawn"]
    assert failed(some_pages(num_dismissed=1)) == ["page_dismissed"]


def test_an_empty_page_is_one_where_live_had_videos() -> None:
    lengths = np.full(100, 10)
    lengths[3] = 0
    assert failed(some_pages(lengths=lengths)) == ["page_empty"]
    assert failed(some_pages(lengths=lengths, live_lengths=lengths)) == []


def test_pages_of_the_log(site: StubSite) -> None:
    row = {"request_id": "p", "time": AT, "release": "r2", "error": "", "user": "viewer-1"}
    rows = [
        row | {"videos": [1, 2], "live_videos": [2]},
        row | {"error": "KeyError", "videos": [1], "live_videos": [1]},
    ]
    rows += [row | {"videos": None, "live_videos": [4]}, row | {"videos": [], "live_videos": [4]}]
    found = shadow_pages(site.settings, pa.Table.from_pylist(rows, schema=SHADOW))
    assert (found.lengths.tolist(), found.live_lengths.tolist()) == ([2, 0], [1, 1])
    assert (found.videos.tolist(), found.live_videos.tolist()) == ([1, 2], [2, 4])


@pytest.fixture
def withdrawn_and_dismissed(site: StubSite) -> StubSite:
    """Video 1 is on the site, 2 was withdrawn an hour ago and 3 ten minutes ago; viewer-1 disliked 1 an hour ago."""
    row = {"window": WINDOW, "title": "", "withdrawn": False, "time": AT - timedelta(days=1)}
    off = {"withdrawn": True}
    videos = [row | {"event_id": f"v{i}", "video": i, "video_id": str(i)} for i in (1, 2, 3)]
    videos += [
        row | off | {"event_id": "w2", "video": 2, "video_id": "2", "time": AT - timedelta(hours=1)},
        row | off | {"event_id": "w3", "video": 3, "video_id": "3", "time": AT - timedelta(minutes=10)},
    ]
    site.publish("videos", WINDOW, videos)
    said = {
        "window": WINDOW,
        "event_id": "f1",
        "time": AT - timedelta(hours=1),
        "user": ids.key("viewer-1"),
        "video": 1,
    }
    site.publish(
        "feedback", WINDOW, [said | {"kind": "dislike"}, said | {"event_id": "f2", "video": 3, "kind": "like"}]
    )
    return site


#: The one that the fixture `site` replaces.
SHOWN_WRONGLY = _shown_wrongly


def test_withdrawn_unknown_and_dismissed_videos_are_counted(withdrawn_and_dismissed: StubSite) -> None:
    users = [ids.key("viewer-1")] * 4 + [ids.key("viewer-2")]
    slots = pa.table({"user": users, "video": [1, 2, 3, 9, 1], "time": pa.array([AT] * 5, SHADOW.field("time").type)})
    # Video 2 and the unknown 9; the withdrawal of 3 may be on its way. Viewer-1 disliked video 1, viewer-2 did not.
    assert SHOWN_WRONGLY(withdrawn_and_dismissed.settings, slots) == (2, 1)
