"""Releases through their stages, by evidence on disk and stub bundles."""

import numpy as np
import pytest
from stub_bundle import no_rows, retrained, scramble
from stub_site import SINCE, WINDOW, RefusedError, StubSite

from homefeed.registry import Stage
from homefeed.verdict import Verdict
from monitoring.rollout import RolloutError, step, step_all

pytestmark = pytest.mark.usefixtures("without_evidently")


def verdicts(site: StubSite, release: str) -> dict[str, str]:
    """Check -> verdict of the newest look."""
    return {check["name"]: check["verdict"] for check in site.registry.transitions(release)[-1].checks}


def test_an_unknown_release_is_named(site: StubSite) -> None:
    with pytest.raises(RolloutError, match="'r9'"):
        step(site.settings, "r9", WINDOW, SINCE)


def test_the_first_release_goes_live_by_the_offline_gates_alone(site: StubSite) -> None:
    site.add("r1")
    assert step(site.settings, "r1", WINDOW, SINCE) == Stage.LIVE
    moves = [(t.from_stage, t.to_stage) for t in site.registry.transitions("r1")]
    assert moves == [(Stage.SHADOW, Stage.CANARY), (Stage.CANARY, Stage.RAMP), (Stage.RAMP, Stage.LIVE)]
    assert verdicts(site, "r1")["ne_popularity"] == Verdict.PASS


def test_without_exposures_the_first_release_waits(site: StubSite) -> None:
    site.rows = no_rows()
    site.add("r1")
    assert step(site.settings, "r1", WINDOW, SINCE) == Stage.SHADOW
    found = verdicts(site, "r1")
    assert {found[name] for name in ("finite_scores", "ne_popularity", "calibration")} == {Verdict.WAIT}


def test_a_scrambled_ranker_is_rolled_back(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", spoil=scramble)
    assert step(site.settings, "r2", WINDOW, SINCE) == Stage.ROLLED_BACK
    assert verdicts(site, "r2")["ne_live"] == Verdict.FAIL
    assert step(site.settings, "r2", *site.after) == Stage.ROLLED_BACK, "it never returns"
    assert site.registry.live().id == "r1"


def test_a_scrambled_first_release_is_rolled_back(site: StubSite) -> None:
    site.add("r1", spoil=scramble)
    assert step(site.settings, "r1", WINDOW, SINCE) == Stage.ROLLED_BACK
    assert verdicts(site, "r1")["ne_popularity"] == Verdict.FAIL


@pytest.mark.parametrize(
    ("spoil", "failed"),
    [
        (lambda heads: {t: np.minimum(1.35 * h, 0.999) for t, h in heads.items()}, "calibration"),
        (lambda heads: {t: np.full_like(h, 0.1) for t, h in heads.items()}, "score_spread"),
        (lambda heads: {t: np.where(h > 0.5, np.nan, h) for t, h in heads.items()}, "finite_scores"),
    ],
)
def test_a_spoiled_ranker_fails_by_its_own_gate(site: StubSite, spoil: object, failed: str) -> None:
    site.add("r1", spoil=spoil)
    assert step(site.settings, "r1", WINDOW, SINCE) == Stage.ROLLED_BACK
    assert verdicts(site, "r1")[failed] == Verdict.FAIL


@pytest.mark.parametrize(
    ("metrics", "failed"),
    [
        ({"index": {"recall_at_1000": 0.94}}, "index_recall"),
        (
            {"retrieval": {"recall_at_100": 0.05, "popularity_recall_at_100": 0.1, "holdout_watches": 2000}},
            "recall_popularity",
        ),
    ],
)
def test_a_poor_retriever_fails(site: StubSite, metrics: dict[str, object], failed: str) -> None:
    site.add("r1")
    site.bundles["r1"].with_metrics(**metrics)
    assert step(site.settings, "r1", WINDOW, SINCE) == Stage.ROLLED_BACK
    assert verdicts(site, "r1")[failed] == Verdict.FAIL


def test_an_unmeasured_index_waits(site: StubSite) -> None:
    site.add("r1")
    site.bundles["r1"].with_metrics(index={}, retrieval={})
    assert step(site.settings, "r1", WINDOW, SINCE) == Stage.SHADOW
    found = verdicts(site, "r1")
    assert found["index_recall"] == found["recall_popularity"] == Verdict.WAIT


def test_a_damaged_bundle_fails_the_gate_not_the_task(site: StubSite) -> None:
    site.add("r1")
    site.bundles["r1"] = RefusedError("ranker/saved_model.pb was altered")
    assert step(site.settings, "r1", WINDOW, SINCE) == Stage.ROLLED_BACK
    assert "altered" in site.registry.transitions("r1")[-1].checks[0]["detail"]


def test_a_damaged_live_release_is_waited_for(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.bundles["r1"] = RefusedError("bundle r1 is damaged")
    site.add("r2")
    assert step(site.settings, "r2", WINDOW, SINCE) == Stage.SHADOW
    assert verdicts(site, "r2")["live_bundle"] == Verdict.WAIT


def test_a_live_release_that_only_another_version_computes_gives_way_as_if_there_were_none(
    site: StubSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("r1", Stage.LIVE)
    site.bundles["r1"] = RefusedError("bundle r1 is of another version of the code")
    site.add("r2")
    why = {"r1": "its ranker reads 17 columns"}
    monkeypatch.setattr("models.bundle.another_version", lambda _, release: why.get(release, ""))
    assert step(site.settings, "r2", WINDOW, SINCE) == Stage.LIVE
    first = {check["name"]: check for check in site.registry.transitions("r2")[0].checks}
    assert first["live_bundle"]["verdict"] == Verdict.PASS
    assert "r1 is of another version of the code: its ranker reads 17 columns" in first["live_bundle"]["detail"]
    assert "ne_live" not in first
    assert site.registry.release("r1").stage == Stage.RETIRED


def test_an_honest_retrained_release_goes_live_in_three_looks(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", spoil=retrained)
    window, now = site.after
    assert step(site.settings, "r2", WINDOW, SINCE) == Stage.SHADOW
    assert verdicts(site, "r2")["ne_live"] == Verdict.PASS
    assert verdicts(site, "r2")["shadow_errors"] == Verdict.WAIT, "no shadow page yet"
    site.serve("r1", range(540))
    site.serve("r2", range(60), kind="shadow")
    assert step(site.settings, "r2", window, now) == Stage.CANARY


def canary(
    site: StubSite, watched: float, dismissed: float = 0.004, before: float = 0.06, num: int = 200, **page: object
) -> Stage:
    """r2 as a canary of 200 viewers beside a control of `num` on r1, whose viewers watch 6 and dismiss 0.4 of 100
    impressions; r2's watched `before` of 100 in the hour before. The stage after one look."""
    site.add("r1", Stage.LIVE)
    site.add("r2", Stage.CANARY)
    control = site.control("r2", num)
    site.expose({"r1": (control, 0.06, 0.004), "": (range(200), before, 0.004)}, num_windows=-5)
    site.serve("r1", control)
    site.serve("r2", range(200), **page)
    site.expose({"r1": (control, 0.06, 0.004), "r2": (range(200), watched, dismissed)})
    return step(site.settings, "r2", *site.after)


def test_a_canary_as_good_as_live_is_ramped(site: StubSite) -> None:
    assert canary(site, watched=0.06) == Stage.RAMP
    assert set(verdicts(site, "r2")) == {
        "sample_ratio",
        "pre_period_balance",
        "failed_pages",
        "slow_pages",
        "watch_time",
        "long_views",
        "dismissals",
    }


def test_a_canary_without_traffic_waits(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", Stage.CANARY)
    assert step(site.settings, "r2", *site.after) == Stage.CANARY
    assert set(verdicts(site, "r2").values()) == {Verdict.WAIT}


@pytest.mark.parametrize(
    ("watched", "dismissed", "page", "failed"),
    [
        (0.03, 0.004, {}, ["watch_time", "long_views"]),
        (0.06, 0.03, {}, ["dismissals"]),
        (0.06, 0.004, {"error": "ValueError: no"}, ["failed_pages"]),
        (0.06, 0.004, {"degraded": ["ranker"]}, ["failed_pages"]),
        (0.06, 0.004, {"latency_ms": 450.0}, ["slow_pages"]),
    ],
)
def test_a_harmful_canary_is_rolled_back(
    site: StubSite, watched: float, dismissed: float, page: dict[str, object], failed: list[str]
) -> None:
    assert canary(site, watched, dismissed, **page) == Stage.ROLLED_BACK
    assert [name for name, verdict in verdicts(site, "r2").items() if verdict == Verdict.FAIL] == failed


def test_a_window_without_a_look_has_spent_nothing(site: StubSite) -> None:
    """The plan ends with 50 viewers, reached in the first window; the first look comes two windows later."""
    canary(site, watched=0.06)
    checks = {c["name"]: c for t in site.registry.transitions("r2") if t.from_stage == Stage.CANARY for c in t.checks}
    assert checks["long_views"]["interval"] is not None, "the bound is finite"
    assert checks["failed_pages"]["interval"] is not None


def test_viewers_of_live_outside_the_control_are_not_compared(site: StubSite) -> None:
    """They watch nothing and all their pages fail: a release that was compared with them would look good."""
    control = set(site.control("r2", 1000))
    others = [i for i in range(5000, 5400) if i not in control]
    site.serve("r1", others, error="no")
    assert canary(site, watched=0.06) == Stage.RAMP
    look = next(t for t in site.registry.transitions("r2") if t.from_stage == Stage.CANARY)
    (ratio,) = [c for c in look.checks if c["name"] == "sample_ratio"]
    assert ratio["num_samples"] == 400


def test_a_broken_split_voids_the_comparison(site: StubSite) -> None:
    assert canary(site, watched=0.03, num=400) == Stage.CANARY
    found = verdicts(site, "r2")
    assert found["sample_ratio"] == Verdict.WAIT
    assert not found.keys() & {"watch_time", "long_views", "dismissals"}


def test_heavy_viewers_in_the_canary_void_the_comparison(site: StubSite) -> None:
    """They dismiss more because they see more; it is not the release's doing."""
    assert canary(site, watched=0.12, dismissed=0.03, before=0.12) == Stage.CANARY
    found = verdicts(site, "r2")
    assert found["pre_period_balance"] == Verdict.WAIT
    assert found["sample_ratio"] == Verdict.PASS
    assert "dismissals" not in found


def test_without_a_past_the_arms_are_not_known_to_be_alike(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", Stage.CANARY)
    control = site.control("r2", 200)
    site.serve("r1", control)
    site.serve("r2", range(200))
    site.expose({"r1": (control, 0.06, 0), "r2": (range(200), 0.06, 0)})
    assert step(site.settings, "r2", *site.after) == Stage.CANARY
    assert verdicts(site, "r2")["pre_period_balance"] == Verdict.WAIT


def test_only_one_release_at_a_time_meets_viewers(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", Stage.RAMP)
    site.add("r3")
    site.serve("r3", range(60), kind="shadow")
    site.serve("r1", range(60))
    assert step(site.settings, "r3", *site.after) == Stage.SHADOW
    assert verdicts(site, "r3")["turn"] == Verdict.WAIT


def test_a_newer_shadow_takes_the_place_of_an_older_one(site: StubSite) -> None:
    for release in ("r1", "r2", "r3"):
        site.add(release, Stage.LIVE if release == "r1" else Stage.SHADOW)
    assert step_all(site.settings, WINDOW) == {"r1": Stage.LIVE, "r3": Stage.SHADOW}
    assert site.registry.release("r2").stage == Stage.RETIRED


def test_a_failing_live_release_gives_way_to_the_one_before(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2", Stage.LIVE)
    site.add("r0")
    site.registry.move("r0", Stage.RETIRED, SINCE, [])
    site.serve("r2", range(200), degraded=["ranker"])
    assert step(site.settings, "r2", *site.after) == Stage.ROLLED_BACK
    assert site.registry.live().id == "r1", "r0 was never live"


def test_a_live_release_with_little_traffic_or_a_slow_store_stays(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    assert step(site.settings, "r1", *site.after) == Stage.LIVE
    assert verdicts(site, "r1") == {"live_errors": Verdict.WAIT}
    site.serve("r1", range(200), degraded=["viewer_timeout"])
    assert step(site.settings, "r1", *site.after) == Stage.LIVE
    assert verdicts(site, "r1") == {"live_errors": Verdict.PASS}
