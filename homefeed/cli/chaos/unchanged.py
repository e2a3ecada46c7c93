"""Releases that change nothing, each with other viewers: how many the fixed gates block, and the sequential ones
abort."""

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homefeed.cli.chaos.platform import Platform, Told, copy_of
from homefeed.cli.chaos.release_copy import copy_release
from homefeed.cli.chaos.rollout_faults import Effect, roll_out, write_past
from homefeed.cli.chaos.suite import PAST_HOURS
from homefeed.cli.chaos.traffic import Traffic
from homefeed.registry import Stage

if TYPE_CHECKING:
    from monitoring.evidence import Rows

Ints = NDArray[np.int64]
#: Viewers of each rollout; the sample that ends it is as much smaller than a site's as they are fewer.
NUM_VIEWERS, VISITS_PER_DAY = 6_000, 3.0
_SAMPLE = {"min_viewers": 500, "max_viewers": 1_500}


def unchanged(platform: Platform, number: int, home: Path, told: Told) -> dict[str, Any]:
    """Judge `number` unchanged releases."""
    told(f"{number} unchanged releases before the fixed gates")
    folder = home / "runs" / "unchanged"
    shutil.rmtree(folder, ignore_errors=True)
    blocked = _blocked(copy_of(platform, folder), number)
    aborted: list[dict[str, Any]] = []
    for seed in range(number):
        told(f"unchanged rollout {seed + 1} of {number}")
        shutil.rmtree(folder)
        copy = copy_of(platform, folder)
        knobs = copy.settings.rollout.model_copy(update=_SAMPLE)
        smaller = Platform(copy.settings.model_copy(update={"rollout": knobs}))
        traffic = Traffic(smaller.settings, smaller.now, NUM_VIEWERS, VISITS_PER_DAY, 1_000 + seed)
        write_past(smaller, traffic, PAST_HOURS)
        outcome = roll_out(smaller, traffic, Effect(), f"unchanged-{seed}")
        if outcome.stage == Stage.ROLLED_BACK:
            aborted.append({"seed": seed, "checks": outcome.checks})
    shutil.rmtree(folder)
    return {
        "releases": number,
        "blocked": len(blocked),
        "aborted": len(aborted),
        "blocked_by": blocked,
        "aborted_by": aborted,
    }


def _blocked(platform: Platform, number: int) -> list[dict[str, Any]]:
    """Those that an offline gate blocks; each is judged by as many viewers, drawn anew."""
    from monitoring import gates
    from monitoring.look import Look

    copy = copy_release(platform.settings, platform.live.id, "unchanged")
    release = platform.enter(copy)
    look = Look(platform.settings, platform.registry, release, platform.live, platform.window, platform.now)
    whole, wanted, blocked = look.rows, look.wanted, []
    sides = [_Right(side, whole) for side in (look.candidate, look.rival)]
    judged = [gate for gate in gates.OFFLINE if gate.__name__ in ("quality", "popularity", "slices", "calibration")]
    for seed in range(number):
        again = Look(platform.settings, platform.registry, release, platform.live, platform.window, platform.now)
        # What a look reads when it is asked is given to it here: loading the bundles takes seconds.
        again.__dict__ |= {"candidate": sides[0], "rival": sides[1], "span": look.span}
        again.__dict__["rows"] = drawn(whole, seed)
        index, own = _drawn_viewers(wanted.users, seed)
        again.__dict__["wanted"] = replace(wanted.take(index), users=own)
        checks = [check for gate in judged for check in gate(again) if check.verdict == "fail"]
        if checks:
            blocked.append({"seed": seed, "checks": {check.name: check.detail for check in checks}})
    return blocked


class _Right:
    """A release whose heads promise of all exposures together what happened.

    Viewers are drawn from these exposures as if they were everyone there is: how far live happens to be off on them
    would be counted in every draw.
    """

    def __init__(self, side: Any, whole: "Rows") -> None:
        self._side = side
        happened = {"watched": whole.watched, **whole.reactions}
        heads = side.heads(whole)
        self._factor = {
            target: float((observed * whole.weight).sum() / (heads[target] * whole.weight).sum())
            for target, observed in happened.items()
            if observed.any()
        }

    def __getattr__(self, name: str) -> Any:
        return getattr(self._side, name)

    def heads(self, rows: "Rows") -> dict[str, NDArray[np.float32]]:
        """Target -> [n]."""
        heads: dict[str, NDArray[np.float32]] = self._side.heads(rows)
        return heads | {target: heads[target] * np.float32(factor) for target, factor in self._factor.items()}


def drawn(rows: "Rows", seed: int) -> "Rows":
    """The exposures of as many viewers, drawn with replacement; one who is drawn twice is two viewers."""
    from monitoring.evidence import Rows

    index, own = _drawn_viewers(rows.users, seed)
    taken = {f.name: getattr(rows, f.name)[index] for f in fields(rows) if f.name not in ("inputs", "reactions")}
    # The pages of one who is drawn twice are two pages each.
    taken["users"] = own
    _, page = np.unique(np.stack([own, rows.requests[index]]), axis=1, return_inverse=True)
    taken["requests"] = np.where(rows.requests[index] != 0, 1 + page.reshape(-1), 0)
    reactions = {target: column[index] for target, column in rows.reactions.items()}
    return Rows(inputs=rows.inputs.take(index), reactions=reactions, **taken)


def _drawn_viewers(viewers: Ints, seed: int) -> tuple[Ints, Ints]:
    """As many viewers drawn with replacement: rows of theirs [m], and whose each is, [m] from 0."""
    random = np.random.default_rng(seed)
    users, code = np.unique(viewers, return_inverse=True)
    order = np.argsort(code, kind="stable")
    counts = np.bincount(code)
    begin = np.cumsum(counts) - counts
    picked = random.integers(0, len(users), len(users))
    lengths = counts[picked]
    offset = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return order[np.repeat(begin[picked], lengths) + offset], np.repeat(np.arange(len(users)), lengths)
