"""Channels and videos of the synthetic site, as columns; a video's index is its place in upload order."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from homefeed.settings.world import WorldSettings
from homefeed.world.vocabulary import ACTIVITY_BY_HOUR, COUNTRIES, LANGUAGES, TOPICS

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int8]

STYLES = 8
VIDEOS_PER_CHANNEL = 25
_DAY_US = 86_400_000_000
_OLDEST_DAYS = 60.0


@dataclass(frozen=True)
class Channels:
    """Columns of shape [channels]; `style` is [channels, STYLES]."""

    topic: Small
    second_topic: Small
    language: Small
    reach: Floats
    quality: Floats
    style: Floats

    def __len__(self) -> int:
        return len(self.topic)


@dataclass(frozen=True)
class Videos:
    """Columns of shape [videos] in upload order; `style` is [videos, STYLES].

    Attributes:
      channel: index of the channel.
      topic, second_topic: indexes into TOPICS.
      quality: log-odds that it adds to a watch.
      appeal: weight with which the logging policy shows it as popular.
      uploaded_us: upload [µs since 1970].
      viral_us: when its viral half day begins [µs since 1970], 0 for most.
      countries: bit i is set when it may be shown in country i; 0 means everywhere.
    """

    channel: npt.NDArray[np.int32]
    topic: Small
    second_topic: Small
    language: Small
    style: Floats
    quality: Floats
    appeal: Floats
    duration_s: Floats
    uploaded_us: Ints
    viral_us: Ints
    countries: npt.NDArray[np.int16]
    min_age: Small

    def __len__(self) -> int:
        return len(self.channel)

    @cached_property
    def by_language(self) -> "UploadOrder":
        """Videos grouped by language."""
        return UploadOrder.of(self.language.astype(np.int64), len(LANGUAGES), self.uploaded_us, self.appeal)

    @cached_property
    def by_channel(self) -> "UploadOrder":
        """Videos grouped by channel."""
        groups = int(self.channel.max()) + 1
        return UploadOrder.of(self.channel.astype(np.int64), groups, self.uploaded_us, self.appeal)


@dataclass(frozen=True)
class UploadOrder:
    """Videos sorted by (group, upload), so that those of a group uploaded by a time are one slice.

    Attributes:
      video: shape [videos], the order.
      start: shape [groups + 1], where each group begins.
      weight: shape [videos + 1], running sum of `appeal` in this order.
    """

    video: Ints
    start: Ints
    weight: npt.NDArray[np.float64]
    _stamp: npt.NDArray[np.int64]
    _scale: int
    _origin: int

    @staticmethod
    def of(group: Ints, num_groups: int, uploaded_us: Ints, appeal: Floats) -> "UploadOrder":
        """Sort once; `uploaded_us` is ascending."""
        order = np.argsort(group, kind="stable")
        start = np.searchsorted(group[order], np.arange(num_groups + 1))
        weight = np.concatenate([[0.0], np.cumsum(appeal[order], dtype=np.float64)])
        # Whole seconds, so that group and time fit one sortable 64-bit number.
        origin = int(uploaded_us[0]) // 1_000_000
        scale = int(uploaded_us[-1]) // 1_000_000 - origin + 2
        stamp = group[order] * scale + (uploaded_us[order] // 1_000_000 - origin)
        return UploadOrder(order, start, weight, stamp, scale, origin)

    def until(self, group: Ints, time_us: Ints) -> Ints:
        """End of the slice of `group` uploaded in a second before that of `time_us`; shapes [n], [n] -> [n]."""
        seconds = np.clip(time_us // 1_000_000 - self._origin, 0, self._scale - 1)
        return np.searchsorted(self._stamp, group * self._scale + seconds)


def make_channels(world: WorldSettings, rng: np.random.Generator) -> Channels:
    """Channels with a main topic, a language, a reach with a long tail and a style of their own."""
    n = max(4 * len(TOPICS), num_made(world) // VIDEOS_PER_CHANNEL)
    shares = np.zeros(len(LANGUAGES))
    for country in COUNTRIES:
        shares[LANGUAGES.index(country.language)] += country.share
    topic = rng.integers(len(TOPICS), size=n, dtype=np.int8)
    return Channels(
        topic=topic,
        second_topic=rng.integers(len(TOPICS), size=n, dtype=np.int8),
        language=rng.choice(len(LANGUAGES), size=n, p=shares / shares.sum()).astype(np.int8),
        reach=rng.lognormal(0.0, 0.8, n).astype(np.float32),
        quality=rng.normal(0.0, 0.4, n).astype(np.float32),
        style=rng.standard_normal((n, STYLES), dtype=np.float32),
    )


def num_made(world: WorldSettings) -> int:
    """Videos at the end of the history plus the uploads prepared for live viewers."""
    return world.num_videos + round(world.num_videos * world.uploads_per_day * world.live_days)


def make_videos(world: WorldSettings, channels: Channels, end_us: int, rng: np.random.Generator) -> Videos:
    """The catalogue: `num_videos` uploaded by `end_us`, then the uploads of the live days."""
    n, topics = num_made(world), len(TOPICS)
    uploaded_us = _uploads(world, end_us, rng)
    channel = np.searchsorted(np.cumsum(channels.reach) / channels.reach.sum(), rng.random(n)).astype(np.int32)
    channel = np.minimum(channel, len(channels) - 1)
    strays = rng.random(n) < 0.12
    topic = np.where(strays, channels.second_topic[channel], channels.topic[channel]).astype(np.int8)
    second = np.where(rng.random(n) < 0.5, channels.second_topic[channel], rng.integers(topics, size=n)).astype(np.int8)
    quality = channels.quality[channel] + rng.normal(0.0, 0.6, n).astype(np.float32)
    medians = np.array([t.duration_s for t in TOPICS], np.float32)
    duration = np.clip(medians[topic] * rng.lognormal(0.0, 0.6, n), 20, 5400).astype(np.float32).round()
    viral = rng.random(n) < world.viral_share
    begins = uploaded_us + (rng.random(n) * 0.5 * _DAY_US).astype(np.int64)
    limited = rng.random(n) < 0.02
    home = np.array([[LANGUAGES.index(c.language) == k for c in COUNTRIES] for k in range(len(LANGUAGES))])
    bits = (home * (1 << np.arange(len(COUNTRIES)))).sum(1).astype(np.int16)
    language = channels.language[channel]
    return Videos(
        channel=channel,
        topic=topic,
        second_topic=second,
        language=language,
        style=0.8 * channels.style[channel] + 0.6 * rng.standard_normal((n, STYLES), dtype=np.float32),
        quality=quality,
        appeal=(np.exp(1.1 * quality) * np.sqrt(channels.reach[channel])).astype(np.float32),
        duration_s=duration,
        uploaded_us=uploaded_us,
        viral_us=np.where(viral, begins, 0),
        countries=np.where(limited, bits[language], 0).astype(np.int16),
        min_age=np.where(rng.random(n) < 0.01, 18, 0).astype(np.int8),
    )


def _uploads(world: WorldSettings, end_us: int, rng: np.random.Generator) -> Ints:
    """Upload times [µs], ascending: an even rate over the days before the end, more by day than by night."""
    daily = world.num_videos * world.uploads_per_day
    recent_days = min(world.num_videos / daily, _OLDEST_DAYS)
    recent = min(world.num_videos, round(daily * recent_days))
    # The first video is as old as can be and the rest of an old catalogue lies evenly before the recent uploads.
    old = world.num_videos - recent
    days = np.concatenate(
        [
            -recent_days - rng.random(old) * _OLDEST_DAYS,
            -rng.random(recent) * recent_days,
            rng.random(num_made(world) - world.num_videos) * world.live_days,
        ]
    )
    whole, part = np.divmod(days, 1.0)
    rate = np.array(ACTIVITY_BY_HOUR) + 0.6
    hour_of_end = end_us % _DAY_US / 3.6e9
    curve = np.concatenate([[0.0], np.cumsum(np.roll(rate, -int(hour_of_end)))]) / rate.sum()
    part = np.interp(part, curve, np.arange(len(curve)) / len(rate))
    return np.sort(end_us + ((whole + part) * _DAY_US).astype(np.int64))
