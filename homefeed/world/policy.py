"""The policy that chose what the history's viewers saw: a mixture of five draws, so every propensity is known.

Each slot is drawn by itself: popular, viral or fresh videos of the viewer's language, videos of subscribed channels, or
any video. The propensity is that of the whole mixture. A video drawn twice for a page is shown once, in its first
slot, which the propensities do not correct for.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from homefeed.world.catalogue import Floats, Ints, Small, UploadOrder
from homefeed.world.site import DAY_US, Site, viral_intensity

#: Source as logged -> share of the slots. `exploration` draws evenly from everything.
MIXTURE = {"trending": 0.42, "viral": 0.04, "fresh": 0.22, "subscriptions": 0.18, "exploration": 0.14}
SOURCES = ("trending", "trending", "fresh", "subscriptions", "exploration")
_TRENDING, _VIRAL, _FRESH, _SUBSCRIBED, _RANDOM = range(5)


@dataclass(frozen=True)
class Choice:
    """What was chosen for n slots: video indexes, source (index into SOURCES) and propensity, each shape [n]."""

    video: Ints
    source: Small
    propensity: Floats


def choose(site: Site, viewer: Ints, time_us: Ints, rng: np.random.Generator) -> Choice:
    """Draw one video per row among those uploaded by then; shapes [n], [n] -> Choice of [n]."""
    n = len(viewer)
    source = np.searchsorted(np.cumsum(list(MIXTURE.values()))[:-1], rng.random(n), side="right")
    uploaded = np.maximum(np.searchsorted(site.videos.uploaded_us, time_us), 1)
    video = (rng.random(n) * uploaded).astype(np.int64)
    shelf = _Shelf.of(site, viewer, time_us)
    viral = _viral(site, int(time_us.mean()) if n else 0)
    rows = [np.flatnonzero(source == k) for k in range(len(MIXTURE))]
    draw = rng.random(n)
    _put(video, rows[_TRENDING], shelf.popular(rows[_TRENDING], draw))
    _put(video, rows[_FRESH], shelf.fresh(rows[_FRESH], draw))
    if len(viral[0]):
        picked = np.searchsorted(viral[1], draw[rows[_VIRAL]] * viral[1][-1], side="right")
        video[rows[_VIRAL]] = viral[0][np.minimum(picked, len(viral[0]) - 1)]
    channel = site.audience.subscriptions[viewer, rng.integers(site.audience.subscriptions.shape[1], size=n)]
    _put(video, rows[_SUBSCRIBED], _of_channels(site, channel, time_us, rows[_SUBSCRIBED], draw))
    # A viral video of a moment ago may be from a minute after this row.
    video = np.where(video < uploaded, video, (draw * uploaded).astype(np.int64))
    return Choice(video, source.astype(np.int8), propensity(site, viewer, time_us, video, shelf=shelf, viral=viral))


def in_order(site: Site, visit: Ints, chosen: Choice, rng: np.random.Generator) -> Choice:
    """The same videos in the order in which the pages show them, as firmly by popularity as the settings say.

    Args:
      site: its `world.popular_first` is the power of a video's appeal in the weights that the order is drawn with.
      visit: page of each row, ascending, shape [n].
      chosen: n rows.
      rng: draws the order.

    Returns:
      As given for 0. Else without propensities, NaN: those of a slot are no longer those of the draw.

    Source: Plackett 1975 (an order drawn with weights), by way of Gumbel noise.
    """
    firmness = site.world.popular_first
    if not firmness:
        return chosen
    worth = firmness * np.log(site.videos.appeal[chosen.video]) + rng.gumbel(size=len(visit))
    order = np.lexsort((-worth, visit))
    unknown = np.full(len(visit), np.nan, np.float32)
    return Choice(chosen.video[order], chosen.source[order], unknown)


def propensity(
    site: Site,
    viewer: Ints,
    time_us: Ints,
    video: Ints,
    *,
    shelf: "_Shelf",
    viral: tuple[Ints, npt.NDArray[np.float64]],
) -> Floats:
    """Probability that `choose` draws these videos; shapes [n] -> [n]. A draw that finds nothing is an even draw."""
    v, a = site.videos, site.audience
    shares = list(MIXTURE.values())
    even = 1.0 / np.maximum(np.searchsorted(v.uploaded_us, time_us), 1)
    own = v.language[video] == a.language[viewer]
    total = np.full(len(viewer), shares[_RANDOM]) * even
    total += shares[_TRENDING] * np.where(shelf.weight > 0, own * v.appeal[video] / shelf.weight_or_one, even)
    is_fresh = own & (v.uploaded_us[video] // 1_000_000 >= (time_us - DAY_US) // 1_000_000)
    total += shares[_FRESH] * np.where(shelf.num_fresh > 0, is_fresh / np.maximum(shelf.num_fresh, 1), even)
    if len(viral[0]):
        place = np.minimum(np.searchsorted(viral[0], video), len(viral[0]) - 1)
        parts = np.diff(viral[1], prepend=0.0) / viral[1][-1]
        total += shares[_VIRAL] * np.where(viral[0][place] == video, parts[place], 0.0)
    else:
        total += shares[_VIRAL] * even
    slots = a.subscriptions[viewer]
    hits = (slots == v.channel[video][:, None]).sum(1) / slots.shape[1]
    channel = v.channel[video].astype(np.int64)
    held = v.by_channel.until(channel, time_us) - v.by_channel.start[channel]
    nothing = (slots < 0).sum(1) / slots.shape[1]
    total += shares[_SUBSCRIBED] * (hits / np.maximum(held, 1) + nothing * even)
    return np.clip(total, 0, 1).astype(np.float32)


def propensity_at(site: Site, viewer: int, time_us: int, video: Ints) -> Floats:
    """Probability that one slot of a page of `viewer` at `time_us` shows each of the videos, [n] -> [n]."""
    row, instant = np.full(len(video), viewer), np.full(len(video), time_us)
    shelf, viral = _Shelf.of(site, row, instant), _viral(site, time_us)
    return propensity(site, row, instant, video, shelf=shelf, viral=viral)


@dataclass(frozen=True)
class _Shelf:
    """The slice of videos of the viewer's language uploaded by the time of each row; columns of shape [n]."""

    order: UploadOrder
    start: Ints
    end: Ints
    fresh_start: Ints

    @staticmethod
    def of(site: Site, viewer: Ints, time_us: Ints) -> "_Shelf":
        order = site.videos.by_language
        language = site.audience.language[viewer].astype(np.int64)
        end = order.until(language, time_us)
        return _Shelf(order, order.start[language], end, order.until(language, time_us - DAY_US))

    @property
    def weight(self) -> npt.NDArray[np.float64]:
        return self.order.weight[self.end] - self.order.weight[self.start]

    @property
    def weight_or_one(self) -> npt.NDArray[np.float64]:
        return np.where(self.end > self.start, self.weight, 1.0)

    @property
    def num_fresh(self) -> Ints:
        return self.end - self.fresh_start

    def popular(self, rows: Ints, draw: npt.NDArray[np.float64]) -> Ints:
        """Draw by appeal; -1 where there is nothing to draw from."""
        low, high = self.order.weight[self.start[rows]], self.order.weight[self.end[rows]]
        place = np.searchsorted(self.order.weight, low + draw[rows] * (high - low), side="right") - 1
        place = np.minimum(place, self.end[rows] - 1)
        return np.where(high > low, self.order.video[place], -1)

    def fresh(self, rows: Ints, draw: npt.NDArray[np.float64]) -> Ints:
        """Draw evenly from the last day's uploads; -1 where there are none."""
        num = self.num_fresh[rows]
        place = np.minimum(self.fresh_start[rows] + (draw[rows] * num).astype(np.int64), len(self.order.video) - 1)
        return np.where(num > 0, self.order.video[place], -1)


def _of_channels(
    site: Site, channel: npt.NDArray[np.int32], time_us: Ints, rows: Ints, draw: npt.NDArray[np.float64]
) -> Ints:
    """Draw evenly from the videos of a channel; -1 where there is no channel or no video."""
    order = site.videos.by_channel
    # A channel without a video lies past the groups of `by_channel` when it is among the last.
    has = (channel[rows] >= 0) & (channel[rows] < len(order.start) - 1)
    group = np.where(has, channel[rows], 0).astype(np.int64)
    held = order.until(group, time_us[rows]) - order.start[group]
    place = np.minimum(order.start[group] + (draw[rows] * held).astype(np.int64), len(order.video) - 1)
    return np.where(has & (held > 0), order.video[place], -1)


def _viral(site: Site, time_us: int) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Videos that are viral at a time, in index order, and the running sum of their intensities."""
    chosen = site.viral
    intensity = viral_intensity(site.videos.viral_us[chosen], np.full(len(chosen), time_us))
    active = intensity > 0
    return chosen[active], np.cumsum(intensity[active], dtype=np.float64)


def _put(video: Ints, rows: Ints, drawn: Ints) -> None:
    """Write the draws that found something; the others keep the even draw."""
    found = drawn >= 0
    video[rows[found]] = drawn[found]
