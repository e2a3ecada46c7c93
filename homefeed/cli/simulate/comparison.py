"""Policies compared on the same seeds: means with intervals over viewers, and ratios to value alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.cli.simulate.outcome import Measures
from homefeed.cli.simulate.policies import Policy

Floats = NDArray[np.float64]
_DRAWS = 1000


@dataclass(frozen=True)
class Between:
    """A figure with its 95 % interval; all None when there is nothing to tell it from."""

    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Compared:
    """One policy over all seeds. `ratio` is to that of value alone, over the same viewers or uploads.

    Attributes:
      watch_s: seconds watched by a viewer a day.
      discovered: topics that a viewer discovers a day.
      expected_watch_ratio, expected_discovered_ratio: the same ratios by what the site expected of the pages shown.
      expected_beyond_ratio: the second for viewers who had watched something before.
      dismissed: dismissals by a viewer a day.
      reached: share of the uploads that have `outcome.REACHED` impressions within a day.
      reached_h: median hours it took those.
      gini: inequality of impressions over channels, the mean of the seeds.
    """

    policy: str
    exploration: float | None
    watch_s: Between
    watch_ratio: Between
    discovered: Between
    discovered_ratio: Between
    expected_watch_ratio: Between
    expected_discovered_ratio: Between
    expected_beyond_ratio: Between
    dismissed: Between
    dismissed_ratio: Between
    reached: Between
    reached_ratio: Between
    reached_h: float | None
    gini: float

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def compare(runs: Sequence[tuple[Policy, Sequence[Measures]]], seed: int) -> list[Compared]:
    """Each policy with the measures of its seeds, the first of them being what the others are compared with."""
    _, pure = runs[0]
    return [
        Compared(
            policy=policy.name,
            exploration=policy.exploration,
            watch_s=_mean(_pooled(of, "watch_s"), seed),
            watch_ratio=_ratio(_pooled(of, "watch_s"), _pooled(pure, "watch_s"), seed),
            discovered=_mean(_pooled(of, "discovered"), seed),
            discovered_ratio=_ratio(_pooled(of, "discovered"), _pooled(pure, "discovered"), seed),
            expected_watch_ratio=_ratio(_pooled(of, "expected_s"), _pooled(pure, "expected_s"), seed),
            expected_discovered_ratio=_ratio(
                _pooled(of, "expected_discovered"), _pooled(pure, "expected_discovered"), seed
            ),
            expected_beyond_ratio=_ratio(_beyond(of), _beyond(pure), seed),
            dismissed=_mean(_pooled(of, "dismissed"), seed),
            dismissed_ratio=_ratio(_pooled(of, "dismissed"), _pooled(pure, "dismissed"), seed),
            reached=_mean(_has_reached(of), seed),
            reached_ratio=_ratio(_has_reached(of), _has_reached(pure), seed),
            reached_h=_median(_pooled(of, "reached_h")),
            gini=float(np.mean([measures.gini for measures in of])),
        )
        for policy, of in runs
    ]


def _pooled(of: Sequence[Measures], name: str) -> Floats:
    return np.concatenate([getattr(measures, name) for measures in of])


def _beyond(of: Sequence[Measures]) -> Floats:
    return np.concatenate([measures.expected_discovered[measures.knew] for measures in of])


def _has_reached(of: Sequence[Measures]) -> Floats:
    return np.isfinite(_pooled(of, "reached_h")).astype(np.float64)


def _median(hours: Floats) -> float | None:
    found = hours[np.isfinite(hours)]
    return float(np.median(found)) if len(found) else None


def _mean(values: Floats, seed: int) -> Between:
    return _ratio(values, np.ones(len(values)), seed)


def _ratio(values: Floats, base: Floats, seed: int) -> Between:
    """Sum of `values` over that of `base`, of the same viewers or uploads, with the interval over these.

    Source: Efron 1979 (bootstrap), with Poisson weights (Chamandy et al. 2012).
    """
    if not base.sum():
        return Between(None, None, None)
    weights = np.random.default_rng(seed).poisson(1.0, (_DRAWS, len(values)))
    below = weights @ base
    drawn = (weights @ values)[below > 0] / below[below > 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Between(float(values.sum() / base.sum()), float(low), float(high))
