"""The faults, one a row: what it is, the gate that must stop it, the checks of that gate, and how it is seeded."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from homefeed.cli.chaos import controls, load_faults, release_copy, release_faults
from homefeed.cli.chaos.outcome import Outcome
from homefeed.cli.chaos.platform import Platform
from homefeed.cli.chaos.release_faults import damaged_platform, damaged_release, in_shadow, training_input
from homefeed.cli.chaos.rollout_faults import (
    Effect,
    failing_keys,
    fewer_watches,
    heavy_viewers,
    more_dismissals,
    roll_out,
    slower_tail,
)
from homefeed.cli.chaos.traffic import Traffic
from homefeed.registry import Stage

#: Makes the traffic that rollouts meet; it is made once for all of them.
Viewers = Callable[[], Traffic]
Run = Callable[[Platform, Viewers], Outcome]
SHADOW, CANARY, LIVE, ROLLED_BACK = ((str(s),) for s in (Stage.SHADOW, Stage.CANARY, Stage.LIVE, Stage.ROLLED_BACK))


@dataclass(frozen=True)
class Fault:
    """One fault, or one control, which is no fault and must not be stopped.

    Attributes:
      name: as `--fault` takes it.
      what: one sentence.
      gate: its number in docs/gates.md; empty for a control.
      checks: one of these has to be the one that stops it; empty when none may.
      stages: where it has to end, in one of these.
      run: seeds it in a platform of its own and lets the platform judge.
      at: where it is seeded, for people; `rollout` begins from a platform with a day of the large site behind it.
    """

    name: str
    what: str
    gate: str
    checks: tuple[str, ...]
    stages: tuple[str, ...]
    run: Run
    at: str = "release"

    def is_stopped(self, outcome: Outcome) -> bool:
        """Whether it ended where it has to, by the gate that has to be the one, with a release left that answers."""
        is_caught = not self.checks or bool(outcome.checks.keys() & set(self.checks))
        return outcome.stage in self.stages and is_caught and bool(outcome.live) and outcome.is_whole


def _alone(run: Callable[[Platform], Outcome]) -> Run:
    return lambda platform, _: run(platform)


def rollout(effect: Effect, check: str = "") -> Run:
    """The fault in a rollout; `check` is the one whose promise stands beside what was found."""

    def run(platform: Platform, viewers: Viewers) -> Outcome:
        from homefeed.cli.chaos.promise import promised

        traffic = viewers()
        outcome = roll_out(platform, traffic, effect, "faulty")
        if not check:
            return outcome
        hours = max(1, round(outcome.safe_s // 3600))
        return replace(outcome, promised=promised(platform.settings, traffic, effect, check, hours))

    return run


_SLICES = ("finite_scores", "new_viewer_scores")
FAULTS: tuple[Fault, ...] = (
    Fault(
        "missing-half-day",
        "no impression in twelve hours of the windows to train on",
        "G1",
        ("input_holes",),
        ("training",),
        _alone(training_input(release_faults.half_a_day_missing)),
        "input",
    ),
    Fault(
        "doubled-window",
        "a window of impressions came twice, under new event ids",
        "G1",
        ("input_copies",),
        ("training",),
        _alone(training_input(release_faults.doubled_window)),
        "input",
    ),
    Fault(
        "leaking-feature",
        "the viewers' aggregates count the label window",
        "G2",
        ("feature_time",),
        ROLLED_BACK,
        _alone(damaged_platform(release_faults.leaking_label_window)),
        "features",
    ),
    Fault(
        "other-unit-online",
        "watch time is in milliseconds in the online store alone",
        "G3",
        ("feature_parity",),
        ROLLED_BACK,
        _alone(in_shadow(release_faults.milliseconds_online)),
        "online store",
    ),
    Fault(
        "altered-weights",
        "a bit of the ranker's weights was flipped after signing",
        "G4",
        ("bundle",),
        ROLLED_BACK,
        _alone(damaged_release(release_faults.flipped_byte, after_signing=True)),
    ),
    Fault(
        "other-towers",
        "towers of another training with the index of this one",
        "G4",
        ("bundle",),
        ROLLED_BACK,
        _alone(damaged_release(release_copy.other_towers)),
    ),
    Fault(
        "nan-for-new-viewers",
        "no number for viewers whom nobody knows",
        "G5",
        _SLICES,
        ROLLED_BACK,
        _alone(damaged_release(release_copy.nothing_for_newcomers)),
    ),
    Fault(
        "shifted-columns",
        "the ranker reads each dense feature by the statistics of its neighbour",
        "G6",
        ("ne_live", "ndcg_live"),
        ROLLED_BACK,
        _alone(damaged_release(release_copy.shifted_columns)),
    ),
    Fault(
        "shifted-vocabulary",
        "the retriever reads each watched video as its neighbour in the vocabulary",
        "G6",
        ("recall_live",),
        ROLLED_BACK,
        _alone(damaged_release(release_copy.shifted_vocabulary)),
    ),
    Fault(
        "worse-for-new-viewers",
        "better for those who watch much, worse for viewers without a history",
        "G8",
        ("slice_new_viewers",),
        ROLLED_BACK,
        _alone(release_faults.better_but_for_some(release_copy.worse_for_regulars, release_copy.worse_for_newcomers)),
    ),
    Fault(
        "scores-times-1.3",
        "every chance of a watch times 1.3, in the same order",
        "G9",
        ("calibration",),
        ROLLED_BACK,
        _alone(damaged_release(release_copy.scaled_watches(1.3))),
    ),
    Fault(
        "same-page-for-all",
        "the retriever answers everyone as it answers a newcomer, offline figures unchanged",
        "G11",
        ("page_coverage", "page_concentration"),
        ROLLED_BACK,
        _alone(in_shadow(damage=release_copy.same_for_all)),
    ),
    Fault(
        "withdrawn-videos",
        "videos that were withdrawn an hour ago are still served",
        "G11",
        ("page_withdrawn",),
        ROLLED_BACK,
        _alone(in_shadow(release_faults.stale_snapshot)),
        "snapshot",
    ),
    Fault(
        "erased-viewer",
        "a viewer who was erased is back: an old window was ingested again",
        "G11",
        ("page_erased",),
        ROLLED_BACK,
        _alone(damaged_platform(release_faults.erased_viewer_is_back)),
        "lake",
    ),
    Fault(
        "slow-service",
        "something takes the processor from the release's service again and again",
        "G12",
        ("load_p99", "load_failed", "load_shed"),
        ROLLED_BACK,
        _alone(load_faults.slow_service),
        "service",
    ),
    Fault(
        "heavy-viewers",
        "the tenth who watch most are sent to the canary",
        "G14",
        ("sample_ratio", "pre_period_balance"),
        CANARY,
        rollout(heavy_viewers()),
        "rollout",
    ),
    Fault(
        "store-fails-5-percent",
        "no features for 5 % of the canary's viewers",
        "G15",
        ("failed_pages",),
        ROLLED_BACK,
        rollout(failing_keys(0.05), "failed_pages"),
        "rollout",
    ),
    Fault(
        "slow-tail",
        "the slowest tenth of the canary's pages takes 60 % longer",
        "G16",
        ("slow_pages",),
        ROLLED_BACK,
        rollout(slower_tail(1.6), "slow_pages"),
        "rollout",
    ),
    Fault(
        "watched-less",
        "3 % fewer watches, although the release is better offline",
        "G17",
        ("watch_time", "long_views"),
        ROLLED_BACK,
        rollout(fewer_watches(0.03), "long_views"),
        "rollout",
    ),
    Fault(
        "dismissed-twice",
        "twice the dismissals",
        "G18",
        ("dismissals",),
        ROLLED_BACK,
        rollout(more_dismissals(2.0), "dismissals"),
        "rollout",
    ),
)
CONTROLS: tuple[Fault, ...] = (
    Fault(
        "unchanged-in-shadow",
        "a copy of the live release passes every fixed gate",
        "",
        (),
        CANARY,
        _alone(in_shadow()),
        "control",
    ),
    Fault(
        "unchanged-rollout",
        "a release that changes nothing is not rolled back within a day",
        "",
        (),
        (*CANARY, str(Stage.RAMP), *LIVE),
        rollout(Effect()),
        "rollout",
    ),
    Fault(
        "rollback-under-load",
        "an order to roll back while pages arrive: every service follows in time, and no page fails (G19)",
        "",
        (),
        ("followed",),
        _alone(load_faults.rollback_under_load),
        "control",
    ),
    Fault(
        "no-data",
        "sources of evidence without data wait",
        "",
        ("feature_parity", "shadow_errors", "page_empty"),
        SHADOW,
        _alone(controls.without_pages),
        "control",
    ),
    Fault(
        "killed-promotion",
        "a promotion killed half-way leaves the release that was live, and can be made again",
        "",
        (),
        LIVE,
        _alone(controls.killed_promotion),
        "control",
    ),
    Fault(
        "unanswered-approval",
        "nobody approves: the canary is rolled back",
        "",
        ("approval",),
        ROLLED_BACK,
        lambda platform, viewers: controls.unanswered_approval(platform, viewers()),
        "rollout",
    ),
)
