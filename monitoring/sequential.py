"""Two ways to read a comparison again and again without losing its error rate.

`critical_values` is for a rollout: one look a window, one side (harm), an end that is known. `always_valid` is for an
experiment: it may be read at any time, by anyone, with no end in mind, and is wider for it.
"""

from functools import lru_cache, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: Exponent of the spending: little alpha is spent early, yet gross harm is found in the first windows.
_POWER = 3
#: Nodes of the integration over the paths that have crossed no bound.
_NODES = 200
#: Information that grows by less than this share between two looks counts as this much.
_LEAST_STEP = 0.005
#: No bound is below this z value.
_LOWEST = -8.0


def spent(alpha: float, spending: ArrayLike) -> Floats:
    """Alpha that may be spent up to each point of the spending time, in [0, 1].

    Source: Kim and DeMets 1987, "Design and analysis of group sequential tests based on the type I error spending rate
    function".
    """
    return np.asarray(alpha * np.clip(np.asarray(spending, np.float64), 0, 1) ** _POWER)


def critical_values(alpha: float, spending: ArrayLike, information: ArrayLike) -> Floats:
    """[k] bound of the z value at each look, one-sided: all looks together cross one with probability `alpha` at most.

    A look that adds nothing to the spending time has an infinite bound.

    Args:
      alpha: budget of false alarms over all looks.
      spending: [k] spending time at each look, in [0, 1] and not falling; it must not depend on the difference found.
      information: [k] variance of the summed evidence at each look, in any unit.

    Source: Lan and DeMets 1983, 1989 (spending time and information may differ); recursive integration of Armitage,
    McPherson and Rowe 1969, by Gauss-Legendre quadrature.
    """
    times = tuple(np.round(np.maximum.accumulate(np.asarray(spending, np.float64)), 6))
    scale = np.asarray(information, np.float64)
    scale = scale / scale[-1] if len(scale) and scale[-1] > 0 else np.ones(len(scale))
    return _critical_values(float(alpha), times, tuple(np.round(scale, 6)))


@lru_cache(maxsize=1)
def _quadrature() -> tuple[Floats, Floats]:
    """Nodes and weights on [-1, 1]; finding them costs more than all their uses for one rollout."""
    return np.polynomial.legendre.leggauss(_NODES)


@lru_cache(maxsize=256)
def _critical_values(alpha: float, spending: tuple[float, ...], information: tuple[float, ...]) -> Floats:
    from scipy.optimize import brentq
    from scipy.special import ndtri

    share = np.diff(spent(alpha, spending), prepend=0.0)
    bounds = np.full(len(share), np.inf)
    nodes, weights = _quadrature()
    places, mass, before = np.zeros(1), np.ones(1), 0.0  # all paths begin at zero
    for look, quota in enumerate(share):
        if quota <= 0:
            continue
        level = max(information[look], before * (1 + _LEAST_STEP), 1e-9)
        step, sd = np.sqrt(level - before), np.sqrt(level)

        # Never more than a look would need that had none before it.
        worst = float(-ndtri(quota))
        excess = partial(_excess, places=places, mass=mass, step=step, sd=sd, quota=quota)
        bounds[look] = worst if excess(worst) >= 0 else brentq(excess, _LOWEST, worst)
        bottom, top = min(-8 * sd, places.min()), bounds[look] * sd
        following = (top - bottom) / 2 * nodes + (top + bottom) / 2
        kernel = np.exp(-(((following[:, None] - places) / step) ** 2) / 2) / (step * np.sqrt(2 * np.pi))
        places, mass, before = following, (kernel @ mass) * weights * (top - bottom) / 2, level
    return bounds


def _excess(z: float, places: Floats, mass: Floats, step: float, sd: float, quota: float) -> float:
    """Chance that a path crosses the bound `z` at a look, beyond its quota."""
    from scipy.special import ndtr

    return float(mass @ ndtr((places - z * sd) / step)) - quota


def always_valid(variance: ArrayLike, alpha: float, expected: float) -> Floats:
    """Half-width of a two-sided interval that misses the truth at any look, ever, with probability `alpha` at most.

    Args:
      variance: [...] variance of the estimate at the look.
      alpha: chance of a miss.
      expected: difference that is found soonest, in the unit of the estimate (standard deviation of the mixture).

    Source: Johari, Koomen, Pekelis and Walsh 2022, "Always valid inference" (mixture sequential probability ratio test
    with a normal mixture).
    """
    variance, mixture = np.asarray(variance, np.float64), max(expected, 1e-12) ** 2
    total = variance + mixture
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.sqrt(variance * total / mixture * (np.log(total / variance) + 2 * np.log(1 / alpha)))
    return np.where(variance > 0, half, 0.0)
