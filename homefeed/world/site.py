"""The synthetic site: catalogue, audience and the true probability of every exposure."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from homefeed import ids
from homefeed.errors import HomefeedError
from homefeed.settings.world import WorldSettings
from homefeed.world import names
from homefeed.world.audience import Audience
from homefeed.world.catalogue import Channels, Floats, Ints, Videos
from homefeed.world.vocabulary import COUNTRIES, DEVICES, LANGUAGES, TOPICS

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
#: Share of a viewer's taste for a video's second topic that counts.
SECOND_TOPIC = 0.3
#: Log-odds that a foreign language takes from a watch; a second language takes a sixth of it.
_FOREIGN = 3.0
_SUBSCRIBED = 0.9
_FRESH = 0.9
_VIRAL = 1.8
_BOT_RATE = 0.03


class WorldError(HomefeedError):
    """The synthetic site cannot do what was asked; the message says why."""


@dataclass(frozen=True)
class Site:
    """Everything that is true of the site.

    Attributes:
      world: its settings.
      seed: seed of everything random.
      end: end of the history that it was made for.
      base: log-odds that make the share of watched impressions the one in the settings.
    """

    world: WorldSettings
    seed: int
    end: datetime
    channels: Channels
    videos: Videos
    audience: Audience
    base: float

    def affinity(self, viewer: Ints, video: Ints, time_us: Ints) -> Floats:
        """Log-odds that tastes add: topics with drift, style and subscription; shapes [n] -> [n]."""
        a, v = self.audience, self.videos
        topic, second = v.topic[video], v.second_topic[video]
        liking = a.taste[viewer, topic] + np.float32(SECOND_TOPIC) * a.taste[viewer, second]
        liking += np.einsum("nd,nd->n", a.style[viewer], v.style[video])
        days = ((time_us - round(self.end.timestamp() * 1e6)) / DAY_US).astype(np.float32)
        phase = days / np.float32(self.world.drift_days) + a.drift_phase[viewer]
        moved = a.drift[viewer] * (np.float32(0.5) - np.float32(0.5) * np.cos(np.float32(2 * np.pi) * phase))
        liking += moved * (topic == a.drift_to[viewer])
        liking -= moved * (topic == a.drift_from[viewer])
        follows = (a.subscriptions[viewer] == v.channel[video][:, None]).any(1)
        liking += np.float32(_SUBSCRIBED * self.world.taste) * follows
        return liking

    def liking(self, viewer: Ints, video: Ints, time_us: Ints) -> Floats:
        """Log-odds that tastes and quality add; they also decide how much is watched; shapes [n] -> [n]."""
        return self.affinity(viewer, video, time_us) + self.videos.quality[video]

    def log_odds(self, viewer: Ints, video: Ints, slot: Ints, time_us: Ints, device: Ints) -> Floats:
        """Log-odds, without `base`, that a human viewer of an allowed video wants to watch it; shapes [n] -> [n]."""
        a, v = self.audience, self.videos
        odds = self.liking(viewer, video, time_us)
        language = v.language[video]
        foreign = (language != a.language[viewer]) * np.where(
            language == a.second_language[viewer], np.float32(_FOREIGN / 6), np.float32(_FOREIGN)
        )
        viral = viral_intensity(v.viral_us[video], time_us)
        odds -= foreign * (1 - np.float32(0.6) * viral)
        odds += np.float32(_VIRAL) * viral
        age_days = np.maximum(time_us - v.uploaded_us[video], 0).astype(np.float32) / np.float32(DAY_US)
        odds += _FLEETING[v.topic[video]] * np.exp(-age_days)
        odds -= np.float32(self.world.slot_bias) * np.log1p(slot.astype(np.float32))
        length = np.log(v.duration_s[video] / np.float32(400.0))
        odds += _LENGTH_BY_DEVICE[device] * length
        hour = self.local_hour(viewer, time_us)
        odds += np.float32(0.3) * np.cos(np.float32(2 * np.pi / 24) * (hour - _PEAK_H[v.topic[video]]))
        return odds

    def interest(self, viewer: Ints, video: Ints, slot: Ints, time_us: Ints, device: Ints) -> Floats:
        """Probability of a wanted watch, in time or late; 0 where the viewer may not see it; shapes [n] -> [n]."""
        odds = np.float32(self.base) + self.log_odds(viewer, video, slot, time_us, device)
        chance = np.where(self.audience.is_bot[viewer], np.float32(_BOT_RATE), 1 / (1 + np.exp(-odds)))
        return (chance * self.allowed(viewer, video)).astype(np.float32)

    def true_probability(self, viewer: Ints, video: Ints, slot: Ints, time_us: Ints, device: Ints) -> Floats:
        """Probability that an exposure is positive.

        Args:
          viewer, video: indexes, shape [n].
          slot: position on the page, shape [n].
          time_us: when it is shown [µs since 1970], shape [n].
          device: index into DEVICES, shape [n].

        Returns:
          Shape [n]. A second impression of the same video within the label window is not counted in.
        """
        return self.interest(viewer, video, slot, time_us, device) * np.float32(1 - self.world.late_share)

    def true_probability_of(self, exposures: pa.Table) -> Floats:
        """The same for rows of the lake with `user`, `video` (keys), `slot`, `time`, `device`; shape [rows].

        Raises:
          WorldError: a key is not of this site.
        """
        return self.true_probability(*self.indexed(exposures))

    def indexed(self, exposures: pa.Table) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """The arguments of `true_probability` from the same rows. A device that the site does not know is its first.

        Raises:
          WorldError: a key is not of this site.
        """
        known = pc.index_in(exposures.column("device").cast(pa.string()), pa.array(DEVICES))
        device = pc.fill_null(known, 0).to_numpy(zero_copy_only=False)
        return (
            self.viewers_of(exposures.column("user")),
            self.videos_of(exposures.column("video")),
            exposures.column("slot").to_numpy().astype(np.int64),
            exposures.column("time").cast(pa.int64()).to_numpy(),
            device.astype(np.int64),
        )

    def viewers_of(self, keys: pa.ChunkedArray) -> Ints:
        """Index of each viewer by key, [n]; WorldError when one is not of this site."""
        return _places(self.viewer_keys, keys, "viewers")

    def videos_of(self, keys: pa.ChunkedArray) -> Ints:
        """Index of each video by key, [n]; WorldError when one is not of this site."""
        return _places(self.video_keys, keys, "videos")

    def allowed(self, viewer: Ints, video: Ints) -> npt.NDArray[np.bool_]:
        """Whether age and country let the viewer see the video; shapes [n] -> [n]."""
        countries = self.videos.countries[video]
        here = (countries >> self.audience.country[viewer]) & 1
        is_old_enough: npt.NDArray[np.bool_] = self.audience.age[viewer] >= self.videos.min_age[video]
        allowed: npt.NDArray[np.bool_] = ((countries == 0) | (here == 1)) & is_old_enough
        return allowed

    def local_hour(self, viewer: Ints, time_us: Ints) -> Floats:
        """Hour of the day where the viewer lives; shapes [n] -> [n]."""
        utc = (time_us % DAY_US).astype(np.float32) / np.float32(HOUR_US)
        return (utc + _OFFSET_H[self.audience.country[viewer]]) % np.float32(24)

    @cached_property
    def viral(self) -> Ints:
        """Indexes of the videos that go viral at some time."""
        return np.flatnonzero(self.videos.viral_us)

    @cached_property
    def visit_weight(self) -> npt.NDArray[np.float64]:
        """Running sum of the viewers' visits per day, shape [viewers + 1]."""
        return np.concatenate([[0.0], np.cumsum(self.audience.rate, dtype=np.float64)])

    @cached_property
    def country_start(self) -> Ints:
        """First viewer of each country, shape [countries + 1]."""
        return np.searchsorted(self.audience.country, np.arange(len(COUNTRIES) + 1))

    @cached_property
    def viewer_ids(self) -> pa.Array:
        """Ids of the viewers by index."""
        return names.numbered("viewer-", len(self.audience), 6)

    @cached_property
    def video_ids(self) -> pa.Array:
        """Ids of the videos by index, prepared uploads included."""
        return names.numbered("video-", len(self.videos), 7)

    @cached_property
    def channel_ids(self) -> pa.Array:
        """Ids of the channels by index."""
        return names.channel_ids(self.channels, np.random.default_rng([self.seed, 5]))

    @cached_property
    def viewer_keys(self) -> tuple[Ints, Ints]:
        """Keys of the viewers in ascending order, and the index of each."""
        return _sorted_keys(self.viewer_ids)

    @cached_property
    def video_keys(self) -> tuple[Ints, Ints]:
        """Keys of the videos in ascending order, and the index of each."""
        return _sorted_keys(self.video_ids)


_FLEETING: Floats = np.array([_FRESH * t.fleeting for t in TOPICS], np.float32)
_PEAK_H: Floats = np.array([t.peak_h for t in TOPICS], np.float32)
_OFFSET_H: Floats = np.array([c.offset_h for c in COUNTRIES], np.float32)
# Phones are for short videos, televisions for long ones.
_LENGTH_BY_DEVICE: Floats = np.array([{"phone": -0.35, "tv": 0.5}.get(d, 0.0) for d in DEVICES], np.float32)


def viral_intensity(viral_us: Ints, time_us: Ints) -> Floats:
    """0 to 1: how viral a video is, two hours up and then slowly down; shapes [n], [n] -> [n]."""
    hours = (time_us - viral_us).astype(np.float32) / np.float32(HOUR_US)
    active = (viral_us > 0) & (hours >= 0) & (hours < 48)
    return np.where(active, np.minimum(hours / 2, np.exp(-np.maximum(hours - 2, 0) / 8)), 0).astype(np.float32)


def _sorted_keys(identifiers: pa.Array) -> tuple[Ints, Ints]:
    keys = ids.keys(identifiers).to_numpy()
    order = np.argsort(keys)
    return keys[order], order


def _places(keys: tuple[Ints, Ints], wanted: pa.ChunkedArray, what: str) -> Ints:
    values, order = keys
    numbers = wanted.to_numpy()
    place = np.minimum(np.searchsorted(values, numbers), len(values) - 1)
    if not np.array_equal(values[place], numbers):
        raise WorldError(f"{int((values[place] != numbers).sum())} of {len(numbers)} rows name {what} of another site")
    places: Ints = order[place]
    return places


def language_code(index: npt.NDArray[np.int8]) -> pa.Array:
    """ISO 639-1 codes of language indexes; shape [n] -> [n]."""
    return pa.array(LANGUAGES).take(pa.array(index))
