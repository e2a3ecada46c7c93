"""Ids, titles and channel names of the synthetic site that read like a site's."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed.world.catalogue import Channels, Ints, Small
from homefeed.world.vocabulary import CHANNEL_WORDS, DETAILS, PATTERNS, TOPICS

_MOST = max(len(t.subjects) for t in TOPICS)
_PHRASES = pa.array([p.format(t.subjects[k % len(t.subjects)]) for t in TOPICS for k in range(_MOST) for p in PATTERNS])


def numbered(prefix: str, count: int, width: int, first: int = 0) -> pa.Array:
    """`prefix` with the numbers from `first` on, padded with zeros; shape [count]."""
    numbers = pc.utf8_lpad(pa.array(np.arange(first, first + count)).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, numbers, "")


def channel_ids(channels: Channels, rng: np.random.Generator) -> pa.Array:
    """Names such as `northside-kitchen`, the second of the same name `northside-kitchen-2`; shape [channels]."""
    most = max(len(t.places) for t in TOPICS)
    names = [
        f"{word} {topic.places[k % len(topic.places)]}".lower().replace(" ", "-")
        for topic in TOPICS
        for word in CHANNEL_WORDS
        for k in range(most)
    ]
    picked = rng.integers(len(CHANNEL_WORDS) * most, size=len(channels))
    name = channels.topic.astype(np.int64) * len(CHANNEL_WORDS) * most + picked
    # Topics share no place, but two rows of `names` can be equal: number equal names, not equal rows.
    unique, same = np.unique(names, return_inverse=True)
    name = same[name]
    order = np.argsort(name, kind="stable")
    first = np.searchsorted(name[order], name[order])
    count = np.empty(len(name), np.int64)
    count[order] = np.arange(len(name)) - first
    base = pa.array(unique.tolist()).take(pa.array(name))
    suffix = pc.binary_join_element_wise("-", pa.array(count + 1).cast(pa.string()), "")
    return pc.binary_join_element_wise(base, pc.if_else(pa.array(count > 0), suffix, ""), "")


def titles(video: Ints, topic: Small, seed: int) -> pa.Array:
    """Titles of the videos with these indexes and topics, in English whatever is spoken in them; shape [n] -> [n]."""
    # A hash instead of a generator: the title of a video does not depend on which others are asked for.
    mixed = (video.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    pick = [(mixed >> np.uint64(shift)).astype(np.int64) & 0xFFFF for shift in (8, 24, 40)]
    phrase = (topic.astype(np.int64) * _MOST + pick[0] % _MOST) * len(PATTERNS) + pick[1] % len(PATTERNS)
    detail = pa.array(DETAILS).take(pa.array(pick[2] % len(DETAILS)))
    return pc.binary_join_element_wise(_PHRASES.take(pa.array(phrase)), detail, "")
