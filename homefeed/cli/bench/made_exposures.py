"""Exposures made up in the shape that the platform's ranker reads: for its speed, not for what it learns."""

import numpy as np

from homefeed.features import DENSE_FEATURES, TARGETS
from models.ranking.examples import Examples, Inputs

NUM_VIDEOS, NUM_CHANNELS, NUM_TOPICS, HISTORY = 20_000, 2_000, 48, 20
_SKEW = 1.0


def made_exposures(num: int, seed: int) -> Examples:
    """`num` exposures of a site of `NUM_VIDEOS` videos, two of a hundred watched; videos follow Zipf's law."""
    random = np.random.default_rng(seed)
    popularity = np.arange(1, NUM_VIDEOS + 1) ** -_SKEW
    video = random.choice(NUM_VIDEOS, num, p=popularity / popularity.sum()) + 1
    topics = random.integers(0, NUM_TOPICS + 1, (num, HISTORY))
    labels = {target: np.zeros(num, np.float32) for target in TARGETS}
    watched = random.random(num) < 0.02
    labels |= {"watched": watched.astype(np.float32), "watch_s": np.where(watched, 100, 0).astype(np.float32)}
    inputs = Inputs(
        dense=np.exp(random.standard_normal((num, len(DENSE_FEATURES)), np.float32)),
        video=video,
        channel=video % NUM_CHANNELS + 1,
        topic=video % NUM_TOPICS + 1,
        language=video % 6 + 1,
        side_topics=np.stack([video % 7, video % 5], axis=1),
        slot=random.integers(0, 100, num).astype(np.int32),
        device=random.integers(1, 4, num),
        country=random.integers(1, 12, num),
        user_language=random.integers(1, 7, num),
        age=random.integers(-1, 80, num).astype(np.int32),
        history_topics=topics,
        history_fractions=random.random((num, HISTORY), np.float32),
    )
    keys = np.arange(num)
    one = np.ones(num, np.float32)
    return Examples(inputs, labels, one, users=keys, requests=keys, sources=keys, propensities=one)
