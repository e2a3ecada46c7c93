"""What the page of one viewer computes once, in numpy: the viewer's part of every layer of the ranker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.codes import Codes
from models.ranking.constants import LEAST_TASTE, NUM_AGES
from models.ranking.owners import USER_FEATURES
from models.ranking.page_columns import Aggregates, Pieces

Matrix = NDArray[np.float32]
_ONE = np.float32(1)
_HISTORY_SIZE = USER_FEATURES.index("history_size")
_HOUR = [USER_FEATURES.index("hour_sin"), USER_FEATURES.index("hour_cos")]


@dataclass(frozen=True)
class Viewer:
    """The viewer's part.

    Attributes:
      history_size: watches in the history.
      tastes: [topics] weight of each topic in the history.
      mean: [width] mean embedding of what was watched.
      logits: [heads] what the viewer adds to each.
      context: [contexts] of `Crosses.context`.
      by_length: [heads] what a unit of a video's length adds on this device.
      down_0, down_1: [p] the viewer's part of both projections of the cross layers.
      between: [inputs + p, p] the second projection: of the candidate's part of the trunk, and of the first projection
        through the viewer's part.
      out: [outs, inputs + 2 p] the last product: of the candidate's part of the trunk and both projections.
      out_bias: [outs].
    """

    history_size: np.float32
    tastes: Matrix
    mean: Matrix
    logits: Matrix
    context: Matrix
    by_length: Matrix
    down_0: Matrix
    down_1: Matrix
    between: Matrix
    out: Matrix
    out_bias: Matrix


class Viewers:
    """The viewer's part, from a viewer's columns.

    Args:
      weights: of `PageRanker.weights`.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._w, self._pieces, self._columns = weights, Pieces(weights, "user"), Aggregates("user")
        self._phase, self._by_length = weights["phase"], weights["length"]
        self._codes = {
            name: Codes(weights[f"{name}_keys"], weights[f"{name}_codes"])
            for name in ("topic", "language", "country", "device")
        }

    def __call__(self, viewer: Mapping[str, NDArray[Any]]) -> Viewer:
        """The part of one viewer.

        Args:
          viewer: `dense` [1, len(USER_FEATURES)] raw, `device`, `country` and `language` keys [1], `age` [1] years or
            -1, `history_topics` keys and `history_fractions` [1, h], 0 where there is none.
        """
        w = self._w
        tastes = self._tastes(viewer["history_topics"][0], viewer["history_fractions"][0])
        mean = tastes @ w["topics"] / (tastes.sum() + _ONE)
        columns, logits = self._pieces(self._columns(viewer["dense"].T), slice(0, 1))
        codes = {name: self._codes[name](viewer[name])[0] for name in ("country", "language", "device")}
        years = int(viewer["age"][0])
        codes["age"] = 0 if years < 0 else 1 + min(years // 10, NUM_AGES - 2)
        known = [w[f"{name}_table"][codes[name]] for name in ("country", "language", "age", "device")]
        v = np.concatenate([columns[:, 0], mean, *known, w["slot"]])
        up_0, up_1 = v * w["viewer_up_0"], v * w["viewer_up_1"]
        gated = v * (_ONE + w["viewer_bias_0"])
        return Viewer(
            history_size=viewer["dense"][0, _HISTORY_SIZE],
            tastes=tastes,
            mean=mean,
            logits=logits[:, 0] + w["alone"][codes["device"]],
            context=self._context(viewer["dense"][0, _HOUR], codes["country"], codes["device"]),
            by_length=self._by_length[codes["device"]],
            down_0=v @ w["viewer_down_0"],
            down_1=gated @ w["viewer_down_1"],
            between=np.concatenate([w["candidate_down_1"], up_0 @ w["viewer_down_1"]]),
            out=np.concatenate([w["candidate_out"], up_0 @ w["viewer_out"], up_1 @ w["viewer_out"]]).T,
            out_bias=(gated + v * w["viewer_bias_1"]) @ w["viewer_out"] + w["out_bias"],
        )

    def _context(self, hour: Matrix, country: int, device: int) -> Matrix:
        """`Crosses.context` of one viewer; `hour` is [2]."""
        ahead, devices = self._phase[country], len(self._by_length)
        sine, cosine = np.sin(ahead), np.cos(ahead)
        there = [hour[0] * cosine + hour[1] * sine, hour[1] * cosine - hour[0] * sine]
        return np.array([*there, *(np.arange(devices) == device)], np.float32)

    def _tastes(self, topics: NDArray[np.int64], fractions: Matrix) -> Matrix:
        """`Preprocessing._tastes` of one viewer, [topics]."""
        weights = (topics != 0) * (np.float32(LEAST_TASTE) + fractions)
        return np.bincount(self._codes["topic"](topics), weights, len(self._w["topics"])).astype(np.float32)
