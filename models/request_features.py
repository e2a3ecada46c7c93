"""Features of one request and its candidates: one vectorised function, called by training and by serving alike.

Training calls it with the time of each exposure (n viewers, n videos), serving with the time of the request
(1 viewer, n candidates); the same numbers go in, so the same numbers come out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import REQUEST_FEATURES
from models.membership import among, positions

_HOUR_US = 3_600_000_000
#: Hours given to a viewer who never watched: longer than any aggregate looks back.
NEVER_H = 24.0 * 365


def request_features(
    requests: Mapping[str, NDArray[Any]], candidates: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[np.float32]]:
    """Everything that depends on the moment of the request, or on viewer and video together.

    Args:
      requests: m rows, where m is 1 or n. `time` [m] int64 microseconds since 1970 UTC, `language` [m] key (0 unknown),
        `history_times` [m, h] microseconds, `history_fractions` [m, h] share of the video that was watched,
        `history_topics`, `history_channels` and `history_languages` [m, h] keys, all padded with zeros, and
        `subscribed_channels` and their `subscribed_topics` [m, s] keys, padded alike.
      candidates: n rows. `uploaded` [n] microseconds, `duration_s` [n], `topic`, `channel` and `language` [n] keys,
        `side_topics` [n, s] keys of the topics beside the main one, padded with zeros.

    Returns:
      feature -> [n] float32, for every name in `homefeed.features.REQUEST_FEATURES`. An affinity is the share of the
      viewer's watched fractions that went to the candidate's topic, to one of its side topics, its channel or its
      language, and the share of the subscribed channels whose main topic is the candidate's. A watch at or after
      `time` does not count.
    """
    num = len(candidates["uploaded"])
    time = requests["time"].astype(np.int64)
    hours = time / _HOUR_US
    times = requests["history_times"]
    known = (times > 0) & (times < time[:, None])
    fractions = np.where(known, requests["history_fractions"], 0).astype(np.float32)
    total = np.maximum(fractions.sum(axis=1), np.float32(1e-6))
    newest = np.where(known, times, 0).max(axis=1, initial=0)
    since = np.where(newest > 0, (time - newest) / _HOUR_US, NEVER_H)
    topic, channel = candidates["topic"], candidates["channel"]
    to_topic = _weight_of(requests["history_topics"], topic, fractions) / total
    sides = candidates["side_topics"]
    to_sides = _weight_of(requests["history_topics"], sides, fractions) / total[:, None]
    to_channel = _weight_of(requests["history_channels"], channel, fractions) / total
    language = candidates["language"]
    to_language = _weight_of(requests["history_languages"], language, fractions) / total
    followed = (requests["subscribed_channels"] != 0).astype(np.float32)
    to_followed = _weight_of(requests["subscribed_topics"], topic, followed) / np.maximum(followed.sum(axis=1), 1)
    features = {
        "hour_sin": np.sin(2 * np.pi * hours / 24),
        "hour_cos": np.cos(2 * np.pi * hours / 24),
        "weekday_sin": np.sin(2 * np.pi * hours / 168),
        "weekday_cos": np.cos(2 * np.pi * hours / 168),
        "video_age_h": np.maximum(time - candidates["uploaded"], 0) / _HOUR_US,
        "video_duration_s": candidates["duration_s"],
        "since_last_watch_h": np.minimum(since, NEVER_H),
        "history_size": known.sum(axis=1),
        "user_topic_affinity": np.where(topic != 0, to_topic, 0),
        "user_side_topic_affinity": np.where(sides != 0, to_sides, 0).sum(axis=1),
        "user_channel_affinity": to_channel,
        "user_language_affinity": np.where(language != 0, to_language, 0),
        "subscribed_topic_share": np.where(topic != 0, to_followed, 0),
        "same_language": (requests["language"] == language) & (language != 0),
        "is_subscribed": _is_any(requests["subscribed_channels"], channel),
    }
    return {name: _each(np.asarray(features[name], np.float32), num) for name in REQUEST_FEATURES}


def _each(feature: NDArray[np.float32], num: int) -> NDArray[np.float32]:
    """[1] or [num] -> [num]; `np.broadcast_to` would cost a page as much as what it is asked for."""
    return feature if len(feature) == num else feature.repeat(num)


def _is_any(few: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each of `wanted` [n] is among `few` [m, s], m is 1 or n."""
    if len(few) == 1:
        return among(wanted, few[0])
    return np.asarray((few == wanted[:, None]).any(axis=1))


def _weight_of(
    history: NDArray[np.int64], wanted: NDArray[np.int64], fractions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Watched fractions that went to `wanted`: history [m, h], wanted [n] or [n, s], fractions [m, h] -> as wanted."""
    if len(history) == 1 and history.size:
        # One viewer's history is summed by key once, whatever the number of candidates.
        sums = np.bincount(positions(history[0], history[0]), fractions[0], history.size).astype(np.float32)
        found = positions(history[0], wanted.ravel()).reshape(wanted.shape)
        return np.where(found >= 0, sums[found], np.float32(0))
    if wanted.ndim == 2:
        return np.stack([_weight_of(history, each, fractions) for each in wanted.T], axis=1)
    matches = (history == wanted[:, None]).astype(np.float32)
    weight = np.einsum("nh,nh->n", matches, np.broadcast_to(fractions, (len(wanted), fractions.shape[1])))
    return np.asarray(weight, np.float32)
