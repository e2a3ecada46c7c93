"""How well a watch can be predicted by one who knows neither the tastes of a site's viewers nor its videos' qualities.

Beside `informed.py`, which is given the qualities: what a log does not tell of videos no ranker can know. Slots, hours,
languages, ages and styles are given here as well. Qualities are estimated for each channel by a Bayesian logistic
regression on a constant and its videos, whose prior leans on impressions: the history shows good videos more often.
Tastes and qualities are estimated in turns, each with the other's estimate.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from homefeed.cli.bench.informed import Floats, Ints, Traits, grouped, mean_probability, posterior, prior, traits_of
from homefeed.world.site import Site
from homefeed.world.vocabulary import TOPICS

_TURNS = 2
_HOUR_US = 3.6e9
#: Least variance of what impressions leave open, between channels and within one.
_LEAST_VARIANCE = 0.02


def estimated_watched(site: Site, past: pa.Table, weight: Floats, rows: pa.Table) -> Floats:
    """Probability that each exposure of `rows` is positive, [n], with tastes and qualities estimated from `past`.

    Args:
      site: with the truth.
      past: exposures before those of `rows`, with `watched`.
      weight: [past] exposures that each of them stands for.
      rows: exposures of people of the same site.
    """
    people = np.flatnonzero(~site.audience.is_bot[site.indexed(past)[0]])
    past, weight = past.take(pa.array(people)), weight[people].astype(np.float64)
    watched = past.column("watched").to_numpy(zero_copy_only=False).astype(np.float64)
    of_seen, of_asked = site.indexed(past)[1], site.indexed(rows)[1]
    seen, asked = _without_quality(site, past, of_seen), _without_quality(site, rows, of_asked)
    means, precisions = prior(site)
    expected, between, within = prior_quality(site, past, weight)
    quality, variance = expected, np.full(len(expected), between + within)
    by_viewer = grouped(seen.viewer)
    for _ in range(_TURNS):
        known = replace(seen, known=seen.known + quality[of_seen])
        tastes = {
            viewer: posterior(known.take(mine), watched[mine], weight[mine], means[viewer], precisions[viewer])
            for viewer, mine in by_viewer.items()
        }
        liking = np.zeros(len(watched))
        for viewer, mine in by_viewer.items():
            taste, spread = tastes[viewer]
            x = seen.tastes[mine]
            # The mean of the odds, where tastes are a normal distribution.
            liking[mine] = x @ taste + np.einsum("ns,st,nt->n", x, spread, x) / 2
        apart = seen.known + liking
        quality, variance = qualities(site, of_seen, apart, watched, weight, (expected, between, within))
    chance = np.zeros(len(of_asked))
    for viewer, places in grouped(asked.viewer).items():
        taste, spread = tastes.get(viewer, (means[viewer], np.diag(1 / precisions[viewer])))
        here, videos = asked.take(places), of_asked[places]
        here = replace(here, known=here.known + quality[videos])
        chance[places] = mean_probability(here, taste, spread, variance[videos]) * (1 - site.world.late_share)
    return np.where(site.true_probability_of(rows) > 0, chance, 0)


def prior_quality(site: Site, past: pa.Table, weight: Floats) -> tuple[Floats, float, float]:
    """What impressions, reach, language and topic say of the quality of each video [videos], and the variance that is
    left between channels and within one. The regression is on the truth, which flatters the forecast."""
    _, video, _, time_us, _ = site.indexed(past)
    videos, channels, channel = site.videos, site.channels, site.videos.channel
    shown = np.bincount(video, weight, len(videos))
    begin, now = time_us.min(), time_us.max()
    hours = np.clip(now - np.maximum(videos.uploaded_us, begin), 1, None) / _HOUR_US
    rate = np.log((shown + 1) / (hours + 1))
    of_channel = np.bincount(channel, shown, len(channels)) / np.bincount(channel, hours, len(channels)).clip(1e-9)
    languages = np.eye(len(np.unique(videos.language)))[np.unique(videos.language, return_inverse=True)[1]]
    said = np.column_stack(
        [
            *(rate, rate**2, np.log(channels.reach[channel]), np.log(hours + 1), np.log(of_channel[channel] + 0.01)),
            *languages.T,
            *np.eye(len(TOPICS))[videos.topic].T[1:],
        ]
    )
    known = np.flatnonzero(videos.uploaded_us < now)
    weights = np.linalg.lstsq(said[known], videos.quality[known].astype(np.float64), rcond=None)[0]
    expected = np.zeros(len(videos))
    expected[known] = said[known] @ weights
    rest = videos.quality[known] - expected[known]
    counts = np.bincount(channel[known])
    means = np.bincount(channel[known], rest)[counts > 0] / counts[counts > 0]
    between = max(_LEAST_VARIANCE, float(means.var() - rest.var() / counts[counts > 0].mean()))
    return expected, between, max(_LEAST_VARIANCE, float(rest.var() - between))


def qualities(
    site: Site, video: Ints, known: Floats, watched: Floats, weight: Floats, before: tuple[Floats, float, float]
) -> tuple[Floats, Floats]:
    """Most likely quality of each video, and its variance, [videos] each.

    Args:
      video: [n] index of the video of each exposure.
      known: [n] log-odds without the quality.
      watched, weight: [n].
      before: as of `prior_quality`.
    """
    expected, between, within = before
    mean, variance = expected.copy(), np.full(len(expected), between + within)
    rows_of = grouped(site.videos.channel[video].astype(np.int64))
    for channel, videos in grouped(site.videos.channel.astype(np.int64)).items():
        rows = rows_of.get(channel, np.zeros(0, np.int64))
        # The channel is in every row, each video in its own.
        own = np.eye(len(videos))
        traits = np.column_stack([np.ones(len(rows)), own[np.searchsorted(videos, video[rows])]])
        seen = Traits(np.zeros(len(rows), np.int64), known[rows] + expected[video[rows]], traits)
        precision = np.array([1 / between, *[1 / within] * len(videos)])
        found, spread = posterior(seen, watched[rows], weight[rows], np.zeros(len(precision)), precision)
        both = np.column_stack([np.ones(len(videos)), own])
        mean[videos] += both @ found
        variance[videos] = np.einsum("vs,st,vt->v", both, spread, both)
    return mean, variance


def _without_quality(site: Site, rows: pa.Table, video: Ints) -> Traits:
    traits = traits_of(site, rows)
    return replace(traits, known=traits.known - site.videos.quality[video])
