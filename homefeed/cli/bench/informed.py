"""How well a watch can be predicted by one who knows everything of the site but the tastes of its viewers.

The site's own probabilities know each viewer's taste for 24 topics and 8 traits of style exactly. A log shows a few
watches of a viewer, so nobody who has only that can predict as well. Here all that is true of videos, slots, hours and
languages is given, and tastes alone are estimated: by a Bayesian logistic regression for each viewer, whose prior is
the spread of tastes among the viewers with as many followed channels of the topic.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.world.catalogue import STYLES
from homefeed.world.site import SECOND_TOPIC, Site
from homefeed.world.vocabulary import TOPICS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_NUM_TASTES = len(TOPICS) + STYLES
_MOST_STEPS, _LONGEST_STEP, _CLOSE = 25, 2.0, 1e-4
#: Viewers who follow more channels of a topic are too few for a prior of their own.
_MOST_FOLLOWED = 3
#: Nodes and weights of Gauss and Hermite for the mean of a function of a standard normal number.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


@dataclass(frozen=True)
class Traits:
    """What the log-odds of n exposures consist of: `known + tastes @ (tastes of the viewer)`.

    Attributes:
      viewer: [n] index.
      known: [n] log-odds of all that is not the viewer's own taste.
      tastes: [n, topics + STYLES].
    """

    viewer: Ints
    known: Floats
    tastes: Floats

    def take(self, rows: Ints) -> "Traits":
        """Some of the exposures."""
        return Traits(self.viewer[rows], self.known[rows], self.tastes[rows])


def informed_watched(site: Site, past: pa.Table, weight: NDArray[np.float32], rows: pa.Table) -> Floats:
    """Probability that each exposure of `rows` is positive, [n], with tastes estimated from `past`.

    A drifting taste counts as known, and so does who is a bot: both flatter this forecast. Of the estimate's
    distribution a normal one is taken, with the curvature at its most likely value.

    Args:
      site: with the truth.
      past: exposures before those of `rows`, with `watched`.
      weight: [past] exposures that each of them stands for.
      rows: exposures of the same site.

    Source: Spiegelhalter and Lauritzen 1990 (section 4: logistic regression with a normal approximation).
    """
    seen, asked = traits_of(site, past), traits_of(site, rows)
    watched = past.column("watched").to_numpy(zero_copy_only=False).astype(np.float64)
    means, precisions = prior(site)
    chance = site.true_probability_of(rows).astype(np.float64)
    wanted = np.flatnonzero(~site.audience.is_bot[asked.viewer] & (chance > 0))
    by_viewer = grouped(seen.viewer)
    for viewer, places in grouped(asked.viewer[wanted]).items():
        mine, here = by_viewer.get(viewer, np.zeros(0, np.int64)), wanted[places]
        taste, spread = posterior(
            seen.take(mine), watched[mine], weight[mine].astype(np.float64), means[viewer], precisions[viewer]
        )
        chance[here] = mean_probability(asked.take(here), taste, spread) * (1 - site.world.late_share)
    return chance


def traits_of(site: Site, rows: pa.Table) -> Traits:
    """The parts of the true log-odds of each exposure."""
    viewer, video, slot, time_us, device = site.indexed(rows)
    audience = site.audience
    tasteless = replace(audience, taste=np.zeros_like(audience.taste), style=np.zeros_like(audience.style))
    known = site.base + replace(site, audience=tasteless).log_odds(viewer, video, slot, time_us, device)
    every = np.arange(len(video))
    tastes = np.zeros((len(video), _NUM_TASTES))
    tastes[every, site.videos.topic[video]] += 1
    tastes[every, site.videos.second_topic[video]] += SECOND_TOPIC
    tastes[:, len(TOPICS) :] = site.videos.style[video]
    return Traits(viewer, known.astype(np.float64), tastes)


def prior(site: Site) -> tuple[Floats, Floats]:
    """Mean and precision of each taste of each viewer, [viewers, topics + STYLES] twice."""
    audience, channels = site.audience, site.channels
    followed = np.zeros(audience.taste.shape, np.int64)
    viewer, place = np.nonzero(audience.subscriptions >= 0)
    np.add.at(followed, (viewer, channels.topic[audience.subscriptions[viewer, place]]), 1)
    followed = np.minimum(followed, _MOST_FOLLOWED)
    means = np.zeros((len(audience), _NUM_TASTES))
    precisions = np.full(means.shape, 1 / max(float(audience.style.var()), 1e-6))
    for count in np.unique(followed):
        alike = followed == count
        tastes = audience.taste[alike]
        means[:, : len(TOPICS)][alike] = tastes.mean()
        precisions[:, : len(TOPICS)][alike] = 1 / max(float(tastes.var()), 1e-6)
    return means, precisions


def posterior(seen: Traits, watched: Floats, weight: Floats, mean: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Most likely tastes of one viewer [t] and their covariance [t, t], by Newton's steps.

    Args:
      seen: n exposures of the viewer; none leaves the prior.
      watched: [n] 0 or 1.
      weight: [n].
      mean, precision: [t] of the prior.
    """
    x, taste = seen.tastes, mean.copy()
    curvature = np.diag(precision)
    for _ in range(_MOST_STEPS):
        p = 1 / (1 + np.exp(-(seen.known + x @ taste)))
        slope = x.T @ (weight * (watched - p)) - precision * (taste - mean)
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        taste = taste + step * min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), 1e-9))
        if np.abs(step).max() < _CLOSE:
            break
    return taste, np.asarray(np.linalg.inv(curvature), np.float64)


def mean_probability(asked: Traits, taste: Floats, covariance: Floats, more: Floats | float = 0.0) -> Floats:
    """Mean over the normal distribution of the tastes of the probability of a wanted watch, [n]; `more` [n] is the
    variance of what else is known of the log-odds."""
    middle = asked.known + asked.tastes @ taste
    spread = np.sqrt(np.einsum("ns,st,nt->n", asked.tastes, covariance, asked.tastes) + more)
    odds = middle[:, None] + spread[:, None] * _NODES
    return np.asarray((1 / (1 + np.exp(-odds))) @ (_WEIGHTS / _WEIGHTS.sum()))


def grouped(keys: Ints) -> dict[int, Ints]:
    """Key -> its rows, in order."""
    order = np.argsort(keys, kind="stable")
    distinct, first = np.unique(keys[order], return_index=True)
    # The part before the first is empty.
    return dict(zip(distinct.tolist(), np.split(order, first)[1:], strict=True))
