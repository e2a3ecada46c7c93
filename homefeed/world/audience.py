"""Viewers of the synthetic site, as columns: where they live, what they like, how active they are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from homefeed.settings.world import WorldSettings
from homefeed.world.catalogue import STYLES, Channels, Floats, Small
from homefeed.world.vocabulary import COUNTRIES, DEVICES, LANGUAGES, TOPICS

SUBSCRIPTIONS = 6
_DEVICE_SHARES = (0.55, 0.06, 0.27, 0.12)


@dataclass(frozen=True)
class Audience:
    """Columns of shape [viewers], sorted by country.

    Attributes:
      country, language, second_language: indexes; -1 means no second language.
      taste: shape [viewers, topics], log-odds that a topic adds to a watch.
      style: shape [viewers, STYLES], compared with the style of a video by a dot product.
      drift_from, drift_to: topics between which `drift` log-odds move with phase `drift_phase` (0 to 1).
      subscriptions: shape [viewers, SUBSCRIPTIONS], channels followed when the history begins, -1 for none.
      rate: mean visits per day.
      device: the device used most.
    """

    country: Small
    language: Small
    second_language: Small
    age: Small
    taste: Floats
    style: Floats
    drift_from: Small
    drift_to: Small
    drift: Floats
    drift_phase: Floats
    subscriptions: npt.NDArray[np.int32]
    rate: Floats
    device: Small
    is_bot: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.country)


def make_audience(world: WorldSettings, channels: Channels, rng: np.random.Generator) -> Audience:
    """Viewers with two to four favourite topics each, one of which fades while another grows."""
    n, topics = world.num_viewers, len(TOPICS)
    country = np.sort(rng.choice(len(COUNTRIES), size=n, p=[c.share for c in COUNTRIES])).astype(np.int8)
    language = np.array([LANGUAGES.index(c.language) for c in COUNTRIES], np.int8)[country]
    english = LANGUAGES.index("en")
    second = np.where((language != english) & (rng.random(n) < 0.3), english, -1).astype(np.int8)

    favourites = rng.integers(topics, size=(n, 4))
    taste = rng.standard_normal((n, topics), dtype=np.float32) * np.float32(0.35) - np.float32(0.8)
    rows = np.arange(n)
    for rank, strength in enumerate((2.6, 2.2, 1.8, 1.4)):
        has = (rng.random(n) < (1.0, 1.0, 0.7, 0.4)[rank]).astype(np.float32)
        taste[rows, favourites[:, rank]] += has * np.float32(strength)
    drifts = rng.random(n) < 0.5
    is_bot = rng.random(n) < world.bot_share
    rate = rng.lognormal(0.0, 1.1, n) * np.where(is_bot, 12.0, 1.0)
    return Audience(
        country=country,
        language=language,
        second_language=second,
        age=np.clip(13 + rng.gamma(2.2, 9.5, n), 13, 95).astype(np.int8),
        taste=taste * np.float32(world.taste),
        style=rng.standard_normal((n, STYLES), dtype=np.float32) * np.float32(0.3 * world.taste),
        drift_from=favourites[:, 0].astype(np.int8),
        drift_to=rng.integers(topics, size=n, dtype=np.int8),
        drift=np.where(drifts, 2.0 * world.taste, 0.0).astype(np.float32),
        drift_phase=rng.random(n, dtype=np.float32),
        subscriptions=_subscriptions(channels, favourites, language, rng),
        rate=(rate / rate.mean() * world.visits_per_day).astype(np.float32),
        device=rng.choice(len(DEVICES), size=n, p=_DEVICE_SHARES).astype(np.int8),
        is_bot=is_bot,
    )


def _subscriptions(
    channels: Channels, favourites: npt.NDArray[np.int64], language: Small, rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Channels of a viewer's language and favourite topics, drawn by reach; shape [viewers, SUBSCRIPTIONS]."""
    n = len(language)
    group = channels.language.astype(np.int64) * len(TOPICS) + channels.topic
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(len(LANGUAGES) * len(TOPICS) + 1))
    weight = np.concatenate([[0.0], np.cumsum(channels.reach[order], dtype=np.float64)])
    chosen = np.full((n, SUBSCRIPTIONS), -1, np.int32)
    follows = rng.random(n) * 0.9
    for k in range(SUBSCRIPTIONS):
        topic = np.take_along_axis(favourites, rng.integers(3, size=(n, 1)), 1)[:, 0]
        wanted = language.astype(np.int64) * len(TOPICS) + topic
        low, high = weight[start[wanted]], weight[start[wanted + 1]]
        place = np.searchsorted(weight, low + rng.random(n) * (high - low), side="right") - 1
        found = (start[wanted + 1] > start[wanted]) & (rng.random(n) < follows)
        chosen[:, k] = np.where(found, order[np.minimum(place, len(order) - 1)], -1)
    chosen.sort(axis=1)
    repeated = np.zeros_like(chosen, bool)
    repeated[:, 1:] = chosen[:, 1:] == chosen[:, :-1]
    return np.where(repeated, -1, chosen).astype(np.int32)
