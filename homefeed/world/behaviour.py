"""What viewers do with what they see: watches in time and late, accidental clicks, likes, subscriptions, dismissals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from homefeed.schema.events import FEEDBACK
from homefeed.world.activity import Impressions
from homefeed.world.catalogue import Floats, Ints, Small
from homefeed.world.site import Site

Mask = npt.NDArray[np.bool_]

#: Every wanted watch reaches `features.min_watch_s`; at `world.accident_longest_s` of 4.5 no accidental one does.
_SHORTEST_ACCIDENT_S = 0.5
_SHORTEST_WATCH_S = 6.0
_LABEL_WINDOW_S = 600.0
#: Of `watched_s`: standard deviation of its noise in log-odds, and the greatest fraction before it is cut at 1.
_NOISE, _REACH = 0.9, 1.15
_HERMITE = 15


@dataclass(frozen=True)
class Watches:
    """Columns of shape [m]; `row` is the impression that led to the watch, `accidental` marks a click by accident."""

    row: Ints
    start_us: Ints
    seconds: Floats
    accidental: Mask


@dataclass(frozen=True)
class Feedback:
    """Columns of shape [m]; `row` is the impression, `kind` an index into `schema.events.FEEDBACK`."""

    row: Ints
    time_us: Ints
    kind: Small


@dataclass(frozen=True)
class Reaction:
    """What followed some impressions, and the true probability of each, shape [impressions]."""

    watches: Watches
    feedback: Feedback
    probability: Floats


def react(site: Site, seen: Impressions, rng: np.random.Generator) -> Reaction:
    """What the viewers do; the probability of a watch is exactly the site's truth."""
    device, slot = seen.device.astype(np.int64), seen.slot
    interest = site.interest(seen.viewer, seen.video, slot, seen.time_us, device)
    draw = rng.random(len(seen), dtype=np.float32)
    wanted = np.flatnonzero(draw < interest)
    accidents = np.flatnonzero(
        (draw >= interest) & (rng.random(len(seen), dtype=np.float32) < site.world.accident_rate)
    )
    row = np.concatenate([wanted, accidents])
    accidental = np.arange(len(row)) >= len(wanted)
    liking = site.liking(seen.viewer[row], seen.video[row], seen.time_us[row])
    watches = _watches(site, seen, row, accidental=accidental, liking=liking, rng=rng)
    feedback = _feedback(site, seen, watches, liking, rng)
    return Reaction(watches, feedback, interest * np.float32(1 - site.world.late_share))


def completion_odds(liking: Floats, duration_s: Floats) -> Floats:
    """Log-odds, without noise, that decide how much of a video is watched; shapes [n], [n] -> [n]."""
    odds: Floats = 0.1 + 0.45 * liking - 0.45 * np.log(duration_s / 400.0)
    return odds


def watched_s(odds: Floats, duration_s: Floats, noise: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Seconds of a wanted watch by `completion_odds` and its noise in standard deviations; shapes [n] -> [n]."""
    fraction = np.minimum(_REACH / (1 + np.exp(-(odds + _NOISE * np.asarray(noise)))), 1.0)
    return np.clip(fraction * duration_s, _SHORTEST_WATCH_S, None)


def expected_s(odds: Floats, duration_s: Floats) -> npt.NDArray[np.float64]:
    """Mean of `watched_s` over its noise, by Gauss-Hermite quadrature; shapes [n], [n] -> [n]."""
    points, weights = np.polynomial.hermite_e.hermegauss(_HERMITE)
    each = np.stack([watched_s(odds, duration_s, np.float32(point)) for point in points])
    return np.asarray(weights @ each / weights.sum(), np.float64)


def chance_of_share(odds: Floats, duration_s: Floats, share: float) -> npt.NDArray[np.float64]:
    """Probability that `watched_s` is at least `share` of the video, 0 < share <= 1; shapes [n], [n] -> [n]."""
    from scipy.special import ndtr

    needed = np.log(share / (_REACH - share))
    return np.where(share * duration_s <= _SHORTEST_WATCH_S, 1.0, ndtr((odds - needed) / _NOISE))


def _watches(
    site: Site, seen: Impressions, row: Ints, *, accidental: Mask, liking: Floats, rng: np.random.Generator
) -> Watches:
    """Those who like a video watch more of it; bots and accidents watch little."""
    n = len(row)
    duration = site.videos.duration_s[seen.video[row]]
    seconds = watched_s(completion_odds(liking, duration), duration, rng.normal(0.0, 1.0, n))
    is_bot = site.audience.is_bot[seen.viewer[row]]
    seconds = np.where(is_bot, _SHORTEST_WATCH_S + rng.random(n) * 3, seconds)
    spread = site.world.accident_longest_s - _SHORTEST_ACCIDENT_S
    seconds = np.where(accidental, _SHORTEST_ACCIDENT_S + rng.random(n) * spread, seconds)
    is_late = (rng.random(n) < site.world.late_share) & ~accidental
    delay = np.where(is_late, _LABEL_WINDOW_S + 1 + rng.exponential(1200.0, n), 0.8 + rng.exponential(4.0, n) % 120)
    return Watches(row, seen.time_us[row] + (delay * 1e6).astype(np.int64), seconds.astype(np.float32), accidental)


def _feedback(site: Site, seen: Impressions, watches: Watches, liking: Floats, rng: np.random.Generator) -> Feedback:
    """Likes, comments, shares and subscriptions while watching; dismissals of what is seen and not liked."""
    n = len(watches.row)
    human = ~site.audience.is_bot[seen.viewer[watches.row]] & ~watches.accidental
    fraction = watches.seconds / site.videos.duration_s[seen.video[watches.row]]
    engaged = liking + 2 * fraction
    rates = {
        "like": _chance(-3.6 + 0.6 * engaged),
        "comment": _chance(-5.5 + 0.5 * engaged),
        "share": _chance(-5.2 + 0.5 * engaged),
        "subscribe": _chance(-5.6 + 0.7 * engaged),
        "dislike": _chance(-3.2 - 0.8 * liking - 2 * fraction),
    }
    rows, times, kinds = [], [], []
    for kind, rate in rates.items():
        said = np.flatnonzero((rng.random(n) < rate) & human)
        within = (0.2 + 0.8 * rng.random(len(said))) * watches.seconds[said]
        rows.append(watches.row[said])
        times.append(watches.start_us[said] + (within * 1e6).astype(np.int64))
        kinds.append(np.full(len(said), FEEDBACK.index(kind), np.int8))
    annoyed = _annoyed(site, seen, rng)
    rows.append(annoyed)
    times.append(seen.time_us[annoyed] + (1e6 * (1 + 4 * rng.random(len(annoyed)))).astype(np.int64))
    reported = rng.random(len(annoyed)) < 0.1
    kinds.append(np.where(reported, FEEDBACK.index("report"), FEEDBACK.index("not_interested")).astype(np.int8))
    return Feedback(np.concatenate(rows), np.concatenate(times), np.concatenate(kinds))


def _annoyed(site: Site, seen: Impressions, rng: np.random.Generator) -> Ints:
    """Rows of impressions that are dismissed unwatched: one in 500, more where topic and quality are disliked."""
    rows = np.flatnonzero(rng.random(len(seen)) < 0.006)
    rows = rows[~site.audience.is_bot[seen.viewer[rows]]]
    topic = site.videos.topic[seen.video[rows]]
    dislike = -site.audience.taste[seen.viewer[rows], topic] - site.videos.quality[seen.video[rows]]
    return rows[rng.random(len(rows)) < _chance(dislike - 1.5)]


def _chance(odds: npt.NDArray[np.floating[Any]]) -> Floats:
    chance: Floats = (1 / (1 + np.exp(-odds))).astype(np.float32)
    return chance
