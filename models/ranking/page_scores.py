"""The heads of the candidates of one page: what `PageRanker` computed apart, put together for each candidate in numpy.

The same numbers as `SavedRanker.score` on the same inputs. In numpy, since a page is a few products of a thousand rows
between many small operations, and a graph spends as long on handing those over as on the products (docs/adr/0018).
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import TARGETS
from models.ranking.owners import PAIR_FEATURES
from models.ranking.page_viewer import Pieces, Viewer, Viewers, signed_log
from models.ranking.statistics import PRIOR_HISTORY, PRIOR_LIKED

Matrix = NDArray[np.float32]
#: Candidates that are computed together: what they need, 2.7 kB each, stays in the processor's own cache. 1,024 took
#: twice as long in a fresh process, whose large arrays are new pages of memory each time.
_BLOCK = 512
#: Fewer are not worth another thread.
_LEAST_PART = 256
_AFFINITIES = [PAIR_FEATURES.index(f"user_{kind}_affinity") for kind in ("topic", "channel", "language")]
_WATCHED, _WATCH_S = TARGETS.index("watched"), TARGETS.index("watch_s")
_HEADS = len(TARGETS)
_MOST_FOCUS, _MOST_LOG_ODDS = np.float32(10), np.float32(10)


class PageScores:
    """Heads of candidates.

    Args:
      weights: of `PageRanker.weights`, with `log_rate` and `mean_watch_s`.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._w = w = {name: np.asarray(weight, order="C") for name, weight in weights.items()}
        self._viewers, self._pieces = Viewers(w), Pieces(w, "pair")
        self._width, self._inputs = w["topics"].shape[1], len(w["candidate_out"])
        self._experts, self._hidden, _ = w["expert_out"].shape
        #: Where the embedding of the item begins in the trunk's input; that of its side topics is behind it.
        self._item = int(w["item"])
        self._gate_bias = np.float32(1) + w["candidate_bias_0"]
        self._topics_and_one = np.append(w["topics"], np.ones((len(w["topics"]), 1), np.float32), axis=1)

    def __call__(
        self,
        videos: Matrix,
        channels: Matrix,
        topics: Matrix,
        pair: Matrix,
        viewer: Mapping[str, NDArray[Any]],
        beside: Executor | None = None,
    ) -> Matrix:
        """Uncalibrated heads [len(TARGETS), n] in the order of TARGETS: probabilities, and `watch_s` in seconds.

        Args:
          videos, channels, topics: [n, .] of `PageRanker.videos` and `PageRanker.entity`.
          pair: [len(PAIR_FEATURES), n] raw features of viewer and video together.
          viewer: what `page_viewer.Viewers` reads.
          beside: threads that compute parts of the candidates beside this one.
        """
        page = self._viewers(viewer)
        logits = np.empty((_HEADS, len(videos)), np.float32)

        def fill(part: slice) -> None:
            logits[:, part] = self._logits(videos[part], channels[part], topics[part], pair[:, part], page)

        num = len(videos)
        size = _BLOCK if beside is None else min(_BLOCK, max(_LEAST_PART, -(-num // 2)))
        parts = [slice(at, at + size) for at in range(0, num, size)]
        begun = [beside.submit(fill, part) for part in parts[1::2]] if beside else []
        for part in parts[::2] if beside else parts:
            fill(part)
        for part_of_another in begun:
            part_of_another.result()
        return self._heads(logits)

    def _logits(self, videos: Matrix, channels: Matrix, topics: Matrix, pair: Matrix, page: Viewer) -> Matrix:
        """[heads, n]; `pair` [len(PAIR_FEATURES), n]."""
        w, inputs, projected = self._w, self._inputs, len(page.down_0)
        wide, logits = self._pair(pair, page.history_size)
        logits += (videos[:, -_HEADS:] + channels[:, -_HEADS:] + topics[:, -_HEADS:] + page.logits).T
        z = self._trunk(videos[:, :-_HEADS], channels[:, :-_HEADS], topics[:, :-_HEADS], wide, page)
        # The candidate's part of the last layer's input, then both projections.
        x = np.empty((len(z), inputs + 2 * projected), np.float32)
        gated, first, second = x[:, :inputs], x[:, inputs : inputs + projected], x[:, inputs + projected :]
        np.add(z @ w["candidate_down_0"], page.down_0, out=first)
        gate = first @ w["candidate_up_0"]
        gate += self._gate_bias
        np.multiply(z, gate, out=gated)
        np.add(gated @ w["candidate_down_1"], page.down_1, out=second)
        second += first @ page.between
        gate += second @ w["candidate_up_1"]
        gate += w["candidate_bias_1"]
        np.multiply(z, gate, out=gated)
        answers = page.out @ x.T
        answers += page.out_bias[:, None]
        logits += self._mixed(answers)
        return logits

    def _trunk(self, videos: Matrix, channels: Matrix, topics: Matrix, wide: Matrix, page: Viewer) -> Matrix:
        """Rows of the trunk's input that are of the candidate, [n, inputs], in the order of `PageRanker`."""
        width, at = self._width, 0
        z = np.empty((len(videos), self._inputs), np.float32)
        for columns in (videos, channels, topics, wide.T):
            z[:, at : at + columns.shape[1]] = columns
            at += columns.shape[1]
        begin = self._item
        item, side = z[:, begin : begin + width], z[:, begin + width : begin + 2 * width]
        focus, item_mean, item_focus, side_mean = (z[:, at + width * k : at + width * (k + 1)] for k in range(4))
        focus[:] = self._focus(z[:, begin : begin + 2 * width], page.tastes)
        np.multiply(item, page.mean, out=item_mean)
        np.multiply(item, focus, out=item_focus)
        np.multiply(side, page.mean, out=side_mean)
        return z

    def _focus(self, item_and_side: Matrix, tastes: Matrix) -> Matrix:
        """`Ranker.focus`, [n, width]."""
        match = item_and_side @ self._w["attention"] @ self._w["topics"].T
        share = np.exp(np.clip(match, -_MOST_FOCUS, _MOST_FOCUS, out=match), out=match)
        share *= tastes
        summed = share @ self._topics_and_one
        return np.asarray(summed[:, :-1] / (summed[:, -1:] + np.float32(1)))

    def _pair(self, pair: Matrix, history_size: np.float32) -> tuple[Matrix, Matrix]:
        """Features of viewer and video together as the trunk reads them, [., n], and what they add to the logits,
        [heads, n]."""
        counts = pair[_AFFINITIES] * history_size
        rates = np.log((counts + np.float32(PRIOR_LIKED)) / (history_size + np.float32(PRIOR_HISTORY)))
        return self._pieces(np.concatenate([signed_log(pair), np.log1p(counts), rates]))

    def _mixed(self, answers: Matrix) -> Matrix:
        """`Ranker.mixed`: [outs, n] before anything is rectified -> [heads, n]."""
        w, num = self._w, answers.shape[1]
        hidden, gates = np.split(answers, [self._experts * self._hidden])
        np.maximum(hidden, np.float32(0), out=hidden)
        experts = w["expert_out"].transpose(0, 2, 1) @ hidden.reshape(self._experts, self._hidden, num)
        said = w["head"] @ np.maximum(experts, np.float32(0), out=experts)
        gates = gates.reshape(self._experts, _HEADS, num)
        gates = np.exp(gates - gates.max(axis=0))
        return np.asarray((gates * said).sum(axis=0) / gates.sum(axis=0) + w["head_bias"][:, None])

    def _heads(self, logits: Matrix) -> Matrix:
        """`SavedRanker.heads`, [heads, n]."""
        log_rate = self._w["log_rate"]
        logits[_WATCHED] += log_rate
        seconds = np.exp(np.minimum(logits[_WATCH_S] + log_rate, _MOST_LOG_ODDS)) * self._w["mean_watch_s"]
        with np.errstate(over="ignore"):
            heads = np.float32(1) / (np.float32(1) + np.exp(-logits))
        heads[_WATCH_S] = seconds * (np.float32(1) - heads[_WATCHED])
        return np.asarray(heads, np.float32)
