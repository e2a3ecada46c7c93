"""Online metrics of a site written by hand, where every sum can be counted."""

from pathlib import Path

import numpy as np
import pytest

from feature_repo.exposures import publish_exposures
from homefeed.experiments import ExperimentArm, arm_of, knob_layer
from homefeed.registry import Stage, open_registry
from homefeed.settings import load
from homefeed.verdict import Check, Verdict
from monitoring.online.history import online_metrics, together
from monitoring.online.metrics import MEANING
from monitoring.online.ratios import viewer_sums
from monitoring.online.spread import spread
from monitoring.online.window_metrics import publish_online_metrics, publish_served_windows
from tests.feature_repo.conftest import HandmadeSite, at, window

W = window("22:00")


@pytest.fixture
def handmade(tmp_path: Path) -> HandmadeSite:
    """Two viewers of release r2, one of r1, in window 22:00; u1 watched topic `cats` an hour before."""
    site = HandmadeSite(load(var=tmp_path / "var"))
    site.video("old", topics=("cats",))
    site.video("new", topics=("cats", "dogs"), uploaded=at("20:00"))
    site.user("u1", country="NO")
    site.watch("u1", "old", "21:00")
    for video in ("old", "new"):
        site.impression("u1", video, "22:01", release="r2")
    site.watch("u1", "new", "22:02", seconds=95)
    site.feedback("u1", "new", "22:10:30", "comment")
    site.feedback("u1", "new", "22:03", "subscribe")
    site.impression("u2", "old", "22:00", release="r2", device="tv")
    site.feedback("u2", "old", "22:01", "dislike")
    site.impression("u3", "old", "22:05", release="r1")
    site.commit()
    publish_exposures(site.settings, [W])
    return site


def found(site: HandmadeSite, release: str = "r2", arm: str = "", slice_name: str = "all") -> dict[str, float]:
    rows = online_metrics(site.settings, W, W, release=release, arm=arm, slice_name=slice_name).to_pylist()
    return {row["metric"]: row["value"] for row in rows}


def test_a_window_without_exposures_is_empty(tmp_path: Path) -> None:
    site = HandmadeSite(load(var=tmp_path / "var"))
    assert publish_online_metrics(site.settings, W)["rows"] == 0
    assert online_metrics(site.settings, W, W).num_rows == 0


def test_every_metric_by_hand(handmade: HandmadeSite) -> None:
    publish_online_metrics(handmade.settings, W)
    metrics = found(handmade)
    assert metrics == pytest.approx(
        {
            "click_through": 1 / 3,
            "missed_share": 2 / 3,
            "watch_s_per_viewer": 47.5,
            "long_views_per_viewer": 0.5,
            "likes_per_viewer": 0,
            "subscriptions_per_viewer": 0.5,
            "comments_per_viewer": 0.5,
            "dismissals_per_viewer": 0.5,
            "conversion": 1,
            "novelty": 0.5,  # `dogs` is new to u1, who watched 95 of 100 s
            "fresh_share": 1 / 3,
            "coverage": 1,
            "concentration": 2 / 3,  # one video of two is the top hundredth, rounded up
        }
    )
    assert set(metrics) <= set(MEANING)
    assert found(handmade, slice_name="device=tv")["dismissals_per_viewer"] == 1
    assert found(handmade, slice_name="country=NO")["click_through"] == 0.5
    assert found(handmade, slice_name="viewer=known")["watch_s_per_viewer"] == 95
    assert found(handmade, "r1")["watch_s_per_viewer"] == 0


def test_publishing_again_replaces_the_window(handmade: HandmadeSite) -> None:
    first = publish_online_metrics(handmade.settings, W)["rows"]
    assert publish_online_metrics(handmade.settings, W)["rows"] == first
    assert online_metrics(handmade.settings, W, W, slice_name="").num_rows == first


def test_a_topic_that_was_watched_before_is_not_new(handmade: HandmadeSite) -> None:
    handmade.watch("u1", "new", "21:30", seconds=30)
    handmade.commit()
    publish_online_metrics(handmade.settings, W)
    assert found(handmade)["novelty"] == 0


def test_a_session_counts_in_the_window_in_which_it_ended(handmade: HandmadeSite) -> None:
    """u1 came back at 22:20 and left; u2 dismissed, u3 watched nothing: all ended half an hour after."""
    handmade.impression("u1", "old", "22:20", release="r1")
    handmade.commit()
    publish_exposures(handmade.settings, [W, window("22:20")])
    ended = window("22:30")
    publish_online_metrics(handmade.settings, ended)
    sessions = {(r["release"], r["metric"]): r for r in online_metrics(handmade.settings, ended, ended).to_pylist()}
    assert sessions["r2", "successful_sessions"]["value"] == 0, "u2, who dismissed, is the only one who has left"
    assert sessions["r1", "successful_sessions"]["denominator"] == 1
    later = window("22:50")
    publish_online_metrics(handmade.settings, later)
    (row,) = [r for r in online_metrics(handmade.settings, later, later).to_pylist() if "successful" in r["metric"]]
    assert (row["release"], row["value"], row["num_viewers"]) == ("r2", 1, 1), "it began with r2"


def test_arms_of_experiments_are_told_apart(handmade: HandmadeSite) -> None:
    registry = open_registry(handmade.settings.resolved_registry_url)
    arms = [ExperimentArm("control", 0, 0.5, 0.1), ExperimentArm("more", 0, 0.5, 0.3)]
    started = registry.experiments.start("e", arms, at("21:00"), "me", knob="exploration")
    publish_online_metrics(handmade.settings, W)
    placed = {user: arm_of(knob_layer("exploration"), started.arm_list, user) for user in ("u1", "u2", "u3")}
    impressions = {"u1": 2, "u2": 1, "u3": 1}
    for arm in ("control", "more"):
        rows = online_metrics(handmade.settings, W, W, arm=f"e/{arm}").to_pylist()
        shown = sum(row["denominator"] for row in rows if row["metric"] == "click_through")
        assert shown == sum(n for user, n in impressions.items() if placed[user] == arm)


def test_only_windows_of_a_live_release_are_measured(handmade: HandmadeSite) -> None:
    assert publish_served_windows(handmade.settings, [W]) == []
    registry = open_registry(handmade.settings.resolved_registry_url)
    registry.add_release("r2", "r2", at("22:05"), {})
    registry.move("r2", Stage.LIVE, at("22:05"), [Check("arranged", Verdict.PASS)])
    measured = publish_served_windows(handmade.settings, [window("21:50"), W])
    assert [row["window"] for row in measured] == [W]


def test_windows_taken_together(handmade: HandmadeSite) -> None:
    publish_online_metrics(handmade.settings, W)
    rows = online_metrics(handmade.settings, W, W, release="r2")
    import pyarrow as pa

    twice = {row["metric"]: row for row in together(pa.concat_tables([rows, rows])).to_pylist()}
    one = {row["metric"]: row for row in rows.to_pylist()}
    name = "watch_s_per_viewer"
    assert (twice[name]["value"], twice[name]["denominator"]) == (47.5, 4)
    width, before = (row["high"] - row["low"] for row in (twice[name], one[name]))
    assert width == pytest.approx(before / np.sqrt(2))
    assert twice["coverage"]["low"] is None, "too few viewers"


def test_the_interval_of_a_ratio_by_hand() -> None:
    """Watches 1 and 0 of 1 and 3 impressions: ratio 1/4, residuals 3/4 and -3/4, variance 2 * 9/16 / 16 * 2."""
    sums = viewer_sums(
        np.array([5, 9]), np.array([0, 0]), {"watched": np.array([1.0, 0.0]), "shown": np.array([1.0, 3.0])}, 2
    )
    ratios = sums.ratios("watched", "shown", 0.95)
    assert ratios.value[0] == 0.25
    assert ratios.high[0] - 0.25 == pytest.approx(1.959964 * np.sqrt(2 * 9 / 16 / 16 * 2))
    assert np.isnan(ratios.value[1])
    assert ratios.num_viewers.tolist() == [2, 0]


def test_intervals_cover_the_truth_in_19_of_20_worlds() -> None:
    """Viewers differ in taste and activity, so an interval per impression would be too narrow."""
    random, covered = np.random.default_rng(0), 0
    for _ in range(200):
        shown = random.poisson(20, 400) + 1.0
        taste = random.gamma(2, 0.03, 400)
        columns = {"watched": random.binomial(shown.astype(int), np.minimum(taste, 1)).astype(float), "shown": shown}
        ratios = viewer_sums(np.arange(400), np.zeros(400, int), columns, 1).ratios("watched", "shown", 0.95)
        covered += bool(ratios.low[0] <= 0.06 <= ratios.high[0])
    assert 182 <= covered <= 198


def test_concentration_has_an_interval_over_viewers() -> None:
    """A hundred viewers see one of a hundred videos each, and all see the first."""
    users = np.repeat(np.arange(100), 2)
    videos = np.stack([np.zeros(100, int), np.arange(100) % 99 + 1], 1).ravel()
    rows = spread(users, videos, np.zeros(200, int), 1, num_servable=200, top_share=0.005, confidence=0.95)
    assert rows["concentration"].value[0] == 0.5
    assert rows["coverage"].value[0] == 0.5
    assert rows["concentration"].low[0] == pytest.approx(0.5, abs=1e-9), "the same for all viewers"
    assert rows["coverage"].low[0] < 0.5 < rows["coverage"].high[0]
