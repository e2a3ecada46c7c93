"""The query vector of one viewer, in numpy: what `SavedTowers.query` answers for many, without the cost of a graph.

A history of fifty watches is a tiny transformer: handing its operations to TensorFlow takes longer than computing them
(docs/adr/0018). A test holds both to the same numbers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.codes import Codes
from models.retrieval.constants import AGE_BUCKET, DAY_US, LOG_DAY, NORM_EPSILON, NUM_AGES, SECOND_US

Matrix = NDArray[np.float32]
_ONE = np.float32(1)
_HIDDEN = np.float32(-1e9)


class PageQuery:
    """Query vectors, one at a time.

    Args:
      weights: of `SavedTowers.query_weights`, by name.
      contents: of `SavedTowers`, [v + 2, width].
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]], contents: Matrix) -> None:
        self._w = w = dict(weights)
        self._contents = contents
        self._codes = {name: Codes(w[f"{name}_keys"], w[f"{name}_codes"]) for name in ("video", "country", "language")}
        self._num_blocks = sum(name.startswith("distance_") for name in w)
        length = len(w["position"])
        back = np.arange(length)[:, None] - np.arange(length)[None, :]
        self._distance, self._later = np.maximum(back, 0), np.where(back < 0, _HIDDEN, np.float32(0))

    def __call__(self, viewer: Mapping[str, NDArray[Any]]) -> Matrix:
        """[width + 1], the last component one.

        Args:
          viewer: one row of the columns of `SavedTowers.query`; its history has no padding and is empty for a newcomer.
        """
        w, times = self._w, viewer["history_times"][0]
        state = self._newest_state(viewer) if len(times) else w["newcomer"]
        if "log_scale" not in w:
            return np.append(state, _ONE)
        time, years = int(viewer["time"][0]), int(viewer["age"][0])
        hour = np.float32(time % DAY_US) * np.float32(2 * np.pi / DAY_US)
        gap = _log_gap(time - times[-1]) if len(times) else np.float32(0)
        known = [w["country"][self._codes["country"](viewer["country"])[0]]]
        known += [w["language"][self._codes["language"](viewer["language"])[0]]]
        known += [w["age"][0 if years < 0 else 1 + min(years // AGE_BUCKET, NUM_AGES - 1)]]
        moment = np.array([np.sin(hour), np.cos(hour), gap], np.float32)
        hidden = np.concatenate([state, *known, moment]) @ w["hidden_kernel"] + w["hidden_bias"]
        vector = state + np.maximum(hidden, 0) @ w["change_kernel"] + w["change_bias"]
        vector *= np.exp(w["log_scale"]) / np.sqrt(np.maximum(vector @ vector, np.float32(1e-12)))
        return np.append(vector, _ONE)

    def _newest_state(self, viewer: Mapping[str, NDArray[Any]]) -> Matrix:
        """`QueryTower.states` after the last watch, [width]."""
        w, times = self._w, viewer["history_times"][0]
        length = len(times)
        x = self._contents[self._codes["video"](viewer["history_videos"][0])] + w["position"][:length]
        if "watch_kernel" in w:
            gaps = np.zeros(length, np.float32)
            gaps[1:] = _log_gap(times[1:] - times[:-1])
            x += np.stack([viewer["history_fractions"][0], gaps], axis=1) @ w["watch_kernel"] + w["watch_bias"]
        for number in range(self._num_blocks):
            # Of the last block nothing is read but the state after the last watch.
            x = self._block(x, number, length - 1 if number == self._num_blocks - 1 else 0)
        newest: Matrix = _normalised(x[-1:], w["norm_gamma"], w["norm_beta"])[0]
        return newest

    def _block(self, x: Matrix, number: int, first: int) -> Matrix:
        """`Block` of [l, width] at the places from `first` on, [l - first, width]."""
        w = {name: self._w[f"{name}_{number}"] for name in _BLOCK}
        length, heads = len(x), len(w["distance"])
        projected = _normalised(x, w["norm_gamma"], w["norm_beta"]) @ w["project_kernel"]
        query, key, value = projected.reshape(length, 3, heads, -1).transpose(1, 2, 0, 3)
        score = query[:, first:] * np.float32(query.shape[-1] ** -0.5) @ key.transpose(0, 2, 1)
        score += w["distance"][:, self._distance[first:length, :length]]
        score += self._later[first:length, :length]
        share = np.exp(score - score.max(axis=2, keepdims=True))
        share /= share.sum(axis=2, keepdims=True)
        seen = (share @ value).transpose(1, 0, 2).reshape(length - first, -1)
        x = x[first:] + seen @ w["merge_kernel"] + w["merge_bias"]
        both = _normalised(x, w["feed_gamma"], w["feed_beta"]) @ w["feed_kernel"] + w["feed_bias"]
        opened, gate = np.split(both, 2, axis=1)
        with np.errstate(over="ignore"):
            opened = opened * gate / (_ONE + np.exp(-gate))
        return np.asarray(x + opened @ w["out_kernel"] + w["out_bias"])


_DENSE = [f"{name}_{part}" for name in ("merge", "feed", "out") for part in ("kernel", "bias")]
_BLOCK = (
    "distance",
    "project_kernel",
    *_DENSE,
    *(f"{n}_{part}" for n in ("norm", "feed") for part in ("gamma", "beta")),
)


def _normalised(x: Matrix, gamma: Matrix, beta: Matrix) -> Matrix:
    """Layer normalisation of [l, width]."""
    centred = x - x.mean(axis=1, keepdims=True)
    variance = np.square(centred).mean(axis=1, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + np.float32(NORM_EPSILON)) * gamma + beta)


def _log_gap(later_us: Any) -> Any:
    """`request_time.log_gap` of what lies between."""
    return np.log1p((np.maximum(later_us, 0) // SECOND_US).astype(np.float32)) / np.float32(LOG_DAY)
