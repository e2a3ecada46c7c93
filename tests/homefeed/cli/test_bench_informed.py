"""The forecast that knows all but tastes: its parts add up to the truth, and its estimate can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from homefeed.cli.bench.informed import Traits, informed_watched, mean_probability, posterior, prior, traits_of
from homefeed.cli.bench.world_log import END
from homefeed.schema import TIME
from homefeed.settings import load
from homefeed.world.build import build_site
from homefeed.world.site import Site
from homefeed.world.vocabulary import TOPICS


@pytest.fixture(scope="module")
def site() -> Site:
    settings = load(seed=3)
    return build_site(
        settings.world.model_copy(update={"num_viewers": 60, "num_videos": 200, "live_days": 0.0}), 3, END
    )


def exposures(site: Site, num: int) -> pa.Table:
    """Everyone sees some of everything, on every device that there is."""
    viewer, video = np.arange(num) % 60, np.arange(num) * 7 % 200
    keys = {}
    for name, (known, place), wanted in (("user", site.viewer_keys, viewer), ("video", site.video_keys, video)):
        keys[name] = known[np.argsort(place)][wanted]
    return pa.table(
        {
            **keys,
            "slot": np.arange(num) % 100,
            "time": pa.array([END] * num, TIME),
            "device": np.array(["phone", "tv"])[np.arange(num) % 2],
            "watched": np.zeros(num, bool),
        }
    )


def one(known: float, trait: float) -> Traits:
    return Traits(np.zeros(1, np.int64), np.array([known]), np.array([[trait]]))


def test_the_parts_are_the_truth(site: Site) -> None:
    rows = exposures(site, 600)
    traits = traits_of(site, rows)
    tastes = np.column_stack([site.audience.taste, site.audience.style])[traits.viewer]
    odds = traits.known + (traits.tastes * tastes).sum(axis=1)
    chance = 1 / (1 + np.exp(-odds)) * (1 - site.world.late_share)
    viewer, video, *_ = site.indexed(rows)
    shown = site.allowed(viewer, video) & ~site.audience.is_bot[viewer]
    assert shown.sum() > 500
    assert chance[shown] == pytest.approx(site.true_probability_of(rows)[shown], rel=1e-4)


def test_without_exposures_the_prior_stays() -> None:
    none = one(0, 1).take(np.zeros(0, np.int64))
    taste, covariance = posterior(none, np.zeros(0), np.zeros(0), np.array([0.7]), np.array([4.0]))
    assert taste.tolist() == [0.7]
    assert covariance.tolist() == [[0.25]]


def test_one_watch_by_hand() -> None:
    """The slope is zero where 1 - p equals the taste: at 0.401, with p(1 - p) = 0.240."""
    taste, covariance = posterior(one(0, 1), np.ones(1), np.ones(1), np.zeros(1), np.ones(1))
    assert taste == pytest.approx([0.40106], abs=1e-4)
    assert covariance == pytest.approx(np.array([[1 / 1.2402]]), abs=1e-3)


def test_a_doubtful_taste_is_between() -> None:
    sure, doubtful = np.zeros((1, 1)), np.full((1, 1), 4.0)
    assert mean_probability(one(-2, 1), np.array([1.0]), sure) == pytest.approx([1 / (1 + np.e)])
    assert mean_probability(one(-1, 1), np.array([1.0]), doubtful) == pytest.approx([0.5])
    assert 0.3 < mean_probability(one(-2, 1), np.array([1.0]), doubtful)[0] < 0.4


def test_who_follows_channels_of_a_topic_is_expected_to_like_it(site: Site) -> None:
    means, precisions = prior(site)
    assert means[:, len(TOPICS) :].tolist() == np.zeros((60, 8)).tolist()
    assert (precisions > 0).all()
    follows = site.audience.subscriptions[:, -1] >= 0
    topic = site.channels.topic[site.audience.subscriptions[follows, -1]]
    mine = means[np.flatnonzero(follows), topic]
    assert mine.min() > np.median(means[:, : len(TOPICS)])


def test_bots_and_viewers_without_tastes_are_known(site: Site) -> None:
    """Where nobody has a taste there is nothing to estimate, and the forecast is the truth."""
    audience = site.audience
    none = {"taste": np.zeros_like(audience.taste), "style": np.zeros_like(audience.style)}
    bots = np.arange(60) < 5
    dull = replace(site, audience=replace(audience, is_bot=bots, **none))
    rows = exposures(site, 600)
    found = informed_watched(dull, rows, np.ones(600, np.float32), rows)
    assert found == pytest.approx(dull.true_probability_of(rows), abs=1e-4)
