"""Releases that change nothing, each with other viewers: how many the fixed gates block, and how many the sequential
ones abort."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from homefeed.cli.chaos.platform import Platform, Told, copy_of
from homefeed.cli.chaos.redrawn import Redrawn, drawn_rows, drawn_viewers, drawn_wanted, refitted
from homefeed.cli.chaos.release_copy import copy_release
from homefeed.cli.chaos.rollout_faults import Effect, roll_out, write_past
from homefeed.cli.chaos.suite import PAST_HOURS
from homefeed.cli.chaos.traffic import Traffic
from homefeed.registry import Stage
from homefeed.verdict import Check, Verdict

if TYPE_CHECKING:
    from monitoring.look import Look

#: Gates whose figures other viewers change; the others read files, the index, events or pages.
GATES = ("numbers", "quality", "popularity", "slices", "calibration")
#: Share of the unchanged releases that these may block.
MOST_BLOCKED = 0.01
#: Viewers of each rollout; the sample that ends it is as much smaller than a site's as they are fewer.
NUM_VIEWERS, VISITS_PER_DAY = 6_000, 3.0
_SAMPLE = {"min_viewers": 500, "max_viewers": 1_500}
_TOLD_EVERY = 20
#: Newest watches that retrievers are asked for: a copy finds what live finds, whoever asks, and each costs a search.
_WANTED = 500


def unchanged_releases(platform: Platform, number: int, home: Path, told: Told) -> dict[str, Any]:
    """Judge `number` copies of the live release by `GATES`, each by other viewers: `judged`."""
    from monitoring.look import Look

    told(f"{number} unchanged releases before the fixed gates")
    folder = home / "runs" / "unchanged"
    shutil.rmtree(folder, ignore_errors=True)
    copy = copy_of(platform, folder)
    release = copy.enter(copy_release(copy.settings, copy.live.id, "unchanged"))
    found = judged(Look(copy.settings, copy.registry, release, copy.live, copy.window, copy.now), number, told)
    shutil.rmtree(folder)
    return found


def judged(whole: "Look", number: int, told: Told) -> dict[str, Any]:
    """What `GATES` make of one release `number` times, each time of as many viewers, drawn anew from those of the look.

    Returns:
      `releases`, `blocked`, `interval` of the blocked share (95 %), `blocked_by`, `positives` of the look by head, and
      `checks`: for each its gate, and how many times it judged, blocked and waited.
    """
    from monitoring import gates

    counts: dict[tuple[str, str], Counter[Verdict]] = {}
    blocked_by: list[dict[str, Any]] = []
    for place, look in enumerate(_other_viewers(whole, number)):
        if place and place % _TOLD_EVERY == 0:
            told(f"unchanged release {place} of {number}, {len(blocked_by)} blocked")
        failed: dict[str, str] = {}
        for gate in (gate for gate in gates.OFFLINE if gate.__name__ in GATES):
            checks: list[Check] = gate(look)
            for check in checks:
                counts.setdefault((gates.NUMBERS[gate.__name__], check.name), Counter())[check.verdict] += 1
            failed |= {check.name: check.detail for check in checks if check.verdict is Verdict.FAIL}
        if failed:
            blocked_by.append({"release": place, "checks": failed})
    happened = {"watched": whole.rows.watched, **whole.rows.reactions}
    return {
        "releases": number,
        "blocked": len(blocked_by),
        "interval": interval(len(blocked_by), number),
        "positives": {target: int(observed.sum()) for target, observed in happened.items()},
        "checks": [
            {
                "gate": gate,
                "check": name,
                "judged": found[Verdict.PASS] + found[Verdict.FAIL],
                "blocked": found[Verdict.FAIL],
                "waited": found[Verdict.WAIT],
            }
            for (gate, name), found in counts.items()
        ],
        "blocked_by": blocked_by,
    }


def unchanged_rollouts(platform: Platform, number: int, home: Path, told: Told) -> dict[str, Any]:
    """Bring `number` unchanged releases through a rollout, each with viewers of its own.

    Returns:
      `releases`, `aborted`, `interval` of the aborted share (95 %), and `aborted_by`.
    """
    folder = home / "runs" / "unchanged"
    aborted_by: list[dict[str, Any]] = []
    for seed in range(number):
        told(f"unchanged rollout {seed + 1} of {number}")
        shutil.rmtree(folder, ignore_errors=True)
        copy = copy_of(platform, folder)
        knobs = copy.settings.rollout.model_copy(update=_SAMPLE)
        smaller = Platform(copy.settings.model_copy(update={"rollout": knobs}))
        traffic = Traffic(smaller.settings, smaller.now, NUM_VIEWERS, VISITS_PER_DAY, 1_000 + seed)
        write_past(smaller, traffic, PAST_HOURS)
        outcome = roll_out(smaller, traffic, Effect(), f"unchanged-{seed}")
        if outcome.stage == Stage.ROLLED_BACK:
            aborted_by.append({"release": seed, "checks": outcome.checks})
    shutil.rmtree(folder)
    aborted = len(aborted_by)
    return {
        "releases": number,
        "aborted": aborted,
        "interval": interval(aborted, number),
        "aborted_by": aborted_by,
    }


def interval(count: int, number: int) -> tuple[float, float]:
    """Interval of 95 % of a share, of which `count` of `number` were seen (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    found = binomtest(count, number).proportion_ci(0.95)
    return float(found.low), float(found.high)


def _other_viewers(whole: "Look", number: int) -> "Iterator[Look]":
    """The look `number` times, each time at other viewers, as many as there are."""
    from monitoring.look import Look

    assert whole.rival is not None
    wanted = whole.wanted.take(np.arange(len(whole.wanted))[-_WANTED:])
    for place in range(number):
        random = np.random.default_rng([whole.settings.seed, 13, place])
        index, own = drawn_viewers(whole.rows.users, random)
        factors = refitted(whole.candidate, whole.rows, random)
        heads = {
            target: head[index] * np.float32(factors.get(target, 1.0))
            for target, head in whole.candidate.heads(whole.rows).items()
        }
        look = Look(whole.settings, whole.registry, whole.release, whole.live, whole.window, whole.now)
        # What a look reads when it is asked is given to it here.
        look.__dict__ |= {"candidate": Redrawn(whole.candidate, heads), "rival": Redrawn(whole.rival, heads)}
        look.__dict__ |= {"rows": drawn_rows(whole.rows, index, own), "span": whole.span}
        look.__dict__["wanted"] = drawn_wanted(wanted, random)
        yield look
