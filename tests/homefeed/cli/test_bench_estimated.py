"""The forecast that knows neither tastes nor qualities: its estimates can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from homefeed.cli.bench.estimated import estimated_watched, prior_quality, qualities
from homefeed.cli.bench.world_log import END
from homefeed.schema import TIME
from homefeed.settings import load
from homefeed.world.build import build_site
from homefeed.world.site import Site

NUM_VIDEOS = 200


@pytest.fixture(scope="module")
def site() -> Site:
    world = load().world.model_copy(update={"num_viewers": 60, "num_videos": NUM_VIDEOS, "live_days": 0.0})
    made = build_site(world, 3, END)
    return replace(made, audience=replace(made.audience, is_bot=np.zeros(60, bool)))


def exposures(site: Site, num: int) -> pa.Table:
    """Everyone sees some of every video, each as often."""
    keys = {}
    for name, (known, place), wanted in (
        ("user", site.viewer_keys, np.arange(num) % 60),
        ("video", site.video_keys, np.arange(num) * 7 % NUM_VIDEOS),
    ):
        keys[name] = known[np.argsort(place)][wanted]
    times = pa.array([END] * num, TIME)
    return pa.table({**keys, "slot": np.zeros(num, np.int64), "time": times, "device": ["phone"] * num})


def with_watches(rows: pa.Table, watched: np.ndarray) -> pa.Table:
    return rows.append_column("watched", pa.array(watched))


def test_one_watch_of_one_video_by_hand(site: Site) -> None:
    """Channel and video share a variance of 1: the slope is zero where 1 - p equals the quality, at 0.401 with a
    p (1 - p) of 0.240. The rest of the channel is told half of that, other channels nothing."""
    video = int(np.argmax(np.bincount(site.videos.channel)[site.videos.channel]))
    beside = np.flatnonzero(site.videos.channel == site.videos.channel[video])
    before = (np.zeros(NUM_VIDEOS), 0.5, 0.5)
    mean, variance = qualities(site, np.array([video]), np.zeros(1), np.ones(1), np.ones(1), before)
    assert mean[video] == pytest.approx(0.40106, abs=1e-4)
    assert variance[video] == pytest.approx(1 / 1.2402, abs=1e-3)
    others = np.setdiff1d(beside, [video])
    assert mean[others] == pytest.approx(np.full(len(others), 0.40106 / 2), abs=1e-4)
    elsewhere = np.setdiff1d(np.arange(NUM_VIDEOS), beside)
    assert mean[elsewhere].tolist() == np.zeros(len(elsewhere)).tolist()
    assert variance[elsewhere].tolist() == np.ones(len(elsewhere)).tolist()


def test_what_impressions_say_counts_before_any_watch(site: Site) -> None:
    before = (np.linspace(-1, 1, NUM_VIDEOS), 0.5, 0.5)
    none = np.zeros(0)
    mean, _ = qualities(site, np.zeros(0, np.int64), none, none, none, before)
    assert mean.tolist() == before[0].tolist()


def test_a_site_of_equal_videos_has_no_negative_variance(site: Site) -> None:
    equal = replace(site, videos=replace(site.videos, quality=np.zeros_like(site.videos.quality)))
    expected, between, within = prior_quality(equal, exposures(equal, 600), np.ones(600))
    assert expected == pytest.approx(np.zeros(NUM_VIDEOS), abs=1e-6)
    assert between > 0
    assert within > 0


def test_a_video_that_is_watched_is_promised_more(site: Site) -> None:
    rows = exposures(site, 600)
    _, video, *_ = site.indexed(rows)
    none = estimated_watched(site, with_watches(rows, np.zeros(600, bool)), np.ones(600), rows)
    some = estimated_watched(site, with_watches(rows, video == 7), np.ones(600), rows)
    shown = site.true_probability_of(rows) > 0
    assert (none[~shown] == 0).all()
    assert (some > 2 * none)[shown & (video == 7)].all()
    far = site.videos.channel[video] != site.videos.channel[7]
    # Their viewers watched one thing more: what they like of it they may like here.
    assert np.median(some[shown & far] / none[shown & far]) < 1.5
