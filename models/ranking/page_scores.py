"""The heads of the candidates of one page: what `PageRanker` computed apart, put together for each candidate.

The same numbers as `SavedRanker.score` on the same inputs. numpy multiplies matrices, and takes logarithms and powers,
with the processor's vectors (docs/adr/0018); what lies between is compiled (`page_kernels`, docs/adr/0032).
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import TARGETS
from models.ranking.constants import AFFINITIES, NUM_AFFINITIES, PRIOR_HISTORY, PRIOR_LIKED
from models.ranking.owners import PAIR_FEATURES
from models.ranking.page_columns import Pieces, signed_log
from models.ranking.page_kernels import focus_of_trunk, gated, gated_twice, mixed, rectified, rows_of_trunk
from models.ranking.page_viewer import Viewer, Viewers

Matrix = NDArray[np.float32]
#: Candidates that are computed together: what they need, 2.7 kB each, stays in the processor's own cache. 1,024 took
#: twice as long in a fresh process, whose large arrays are new pages of memory each time.
_BLOCK = 512
#: Fewer are not worth another thread.
_LEAST_PART = 256
_AFFINITIES = [PAIR_FEATURES.index(name) for name in AFFINITIES]
_WATCHED, _WATCH_S = TARGETS.index("watched"), TARGETS.index("watch_s")
_HEADS = len(TARGETS)
_MOST_FOCUS, _MOST_LOG_ODDS = np.float32(10), np.float32(10)


class FeaturesError(ValueError):
    """A ranker reads other features than there are."""


class PageScores:
    """Heads of candidates.

    Args:
      weights: of `PageRanker.weights`, with `log_rate` and `mean_watch_s`.

    Raises:
      FeaturesError: they are of a ranker with other features.
      KeyError: of another network.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._w = w = {name: np.asarray(weight, order="C") for name, weight in weights.items()}
        self._viewers, self._pieces = Viewers(w), Pieces(w, "pair")
        found, columns = len(w["pair_least"]), len(PAIR_FEATURES) + 2 * NUM_AFFINITIES
        if found != columns:
            raise FeaturesError(f"reads {found} columns of viewer and video together, where there are {columns}")
        self._inputs = len(w["candidate_out"])
        self._experts, self._hidden, _ = w["expert_out"].shape
        #: Where the embedding of the item begins in the trunk's input; that of its side topics is behind it.
        self._item, self._duration = int(w["item"]), int(w["duration"])
        #: Columns that a topic has for each context of a viewer and head.
        self._crossed = (2 + len(w["length"])) * _HEADS
        self._item_and_side = slice(self._item, self._item + 2 * w["topics"].shape[1])
        self._gate_bias = np.float32(1) + w["candidate_bias_0"]
        self._last_gate_bias = self._gate_bias + w["candidate_bias_1"]
        self._match = w["attention"] @ w["topics"].T
        #: Columns of a video, its channel and its topic; the others are of viewer and video together.
        self._alone = self._inputs - 2 * len(w["pair_least"]) - 4 * w["topics"].shape[1]
        self._topics_and_one = np.append(w["topics"], np.ones((len(w["topics"]), 1), np.float32), axis=1)

    def __call__(
        self,
        videos: Matrix,
        channels: Matrix,
        of_topics: Matrix,
        topic_row: NDArray[np.int32],
        pair: Matrix,
        viewer: Mapping[str, NDArray[Any]],
        beside: Executor | None = None,
    ) -> Matrix:
        """Uncalibrated heads [len(TARGETS), n] in the order of TARGETS: probabilities, and `watch_s` in seconds.

        Args:
          videos, channels: [n, .] of `PageRanker.videos` and `PageRanker.channels`.
          of_topics, topic_row: [t, .] of `PageRanker.topics`, and the row there of each candidate's topic, [n].
          pair: [len(PAIR_FEATURES), n] raw features of viewer and video together.
          viewer: what `page_viewer.Viewers` reads.
          beside: threads that compute parts of the candidates beside this one.

        Raises:
          ValueError: they do not fit each other or the weights.
        """
        read = sum(part.shape[1] - _HEADS for part in (videos, channels, of_topics)) - self._crossed
        # What is compiled does not look whether a place is in an array.
        if {len(part) for part in (videos, channels, topic_row)} != {pair.shape[1]} or read != self._alone:
            shapes = ", ".join(str(part.shape) for part in (videos, channels, of_topics, topic_row, pair))
            raise ValueError(f"candidates of shapes {shapes} do not fit a trunk that reads {self._alone} of them alone")
        page = self._viewers(viewer)
        alone = (videos, channels, self._in_context(of_topics, page.context).take(topic_row, axis=0))
        columns = self._columns(pair, page.history_size)
        logits = np.empty((_HEADS, len(videos)), np.float32)

        def fill(part: slice) -> None:
            logits[:, part] = self._logits(alone, columns, part, page)

        num = len(videos)
        size = _BLOCK if beside is None else min(_BLOCK, max(_LEAST_PART, -(-num // 2)))
        blocks = [slice(at, min(at + size, num)) for at in range(0, num, size)]
        begun = [beside.submit(fill, block) for block in blocks[1::2]] if beside else []
        for block in blocks[::2] if beside else blocks:
            fill(block)
        for block_of_another in begun:
            block_of_another.result()
        return self._heads(logits)

    def _logits(self, alone: tuple[Matrix, Matrix, Matrix], columns: Matrix, part: slice, page: Viewer) -> Matrix:
        """[heads, n] of a part of the candidates; `alone` are the videos, channels and topics of all of them, `columns`
        [., all] what `_columns` says."""
        w, inputs, until = self._w, self._inputs, self._inputs + len(page.down_0)
        z, logits = self._trunk(alone, columns, part, page)
        # The candidate's part of the last layer's input, then both projections.
        x = np.empty((len(z), until + len(page.down_1)), np.float32)
        first, second = x[:, inputs:until], x[:, until:]
        np.matmul(z, w["candidate_down_0"], out=first)
        first += page.down_0
        gate = first @ w["candidate_up_0"]
        gated(z, gate, self._gate_bias, x)
        np.matmul(x[:, :until], page.between, out=second)
        second += page.down_1
        gated_twice(z, gate, second @ w["candidate_up_1"], self._last_gate_bias, x)
        self._mix(page.out @ x.T, page.out_bias, logits)
        return logits

    def _trunk(
        self, alone: tuple[Matrix, Matrix, Matrix], columns: Matrix, part: slice, page: Viewer
    ) -> tuple[Matrix, Matrix]:
        """Rows of the trunk's input that are of the candidate, [n, inputs], in the order of `PageRanker`, and the
        logits [heads, n] without what the trunk says."""
        wide, logits = self._pieces(columns, part)
        z = np.empty((wide.shape[1], self._inputs), np.float32)
        places = (self._item, self._duration)
        rows_of_trunk(*alone, part.start, wide, page.mean, page.logits, page.by_length, *places, z, logits)
        # `Ranker.focus`.
        share = z[:, self._item_and_side] @ self._match
        np.exp(np.clip(share, -_MOST_FOCUS, _MOST_FOCUS, out=share), out=share)
        share *= page.tastes
        focus_of_trunk(share @ self._topics_and_one, self._item, z)
        return z, logits

    def _in_context(self, of_topics: Matrix, context: Matrix) -> Matrix:
        """Rows of topics whose logits hold what the viewer's context adds, without the columns that say so."""
        ends = [of_topics.shape[1] - _HEADS - self._crossed, of_topics.shape[1] - _HEADS]
        dense, crossed, logits = np.split(of_topics, ends, axis=1)
        added = context @ crossed.reshape(len(of_topics), len(context), _HEADS)
        return np.concatenate([dense, logits + added], axis=1)

    def _columns(self, pair: Matrix, history_size: np.float32) -> Matrix:
        """Columns of `statistics.widened` of viewer and video together, [., n]."""
        counts = pair[_AFFINITIES] * history_size
        rates = np.log((counts + np.float32(PRIOR_LIKED)) / (history_size + np.float32(PRIOR_HISTORY)))
        return np.concatenate([signed_log(pair), np.log1p(counts), rates])

    def _mix(self, answers: Matrix, bias: Matrix, logits: Matrix) -> None:
        """`Ranker.mixed`: adds to `logits` [heads, n], from the last product [outs, n] without its bias [outs]."""
        w, num, hidden = self._w, answers.shape[1], self._experts * self._hidden
        rectified(bias, hidden, self._experts, answers)
        experts = w["expert_out"].transpose(0, 2, 1) @ answers[:hidden].reshape(self._experts, self._hidden, num)
        said = w["head"] @ np.maximum(experts, np.float32(0), out=experts)
        gates = np.exp(answers[hidden:], out=answers[hidden:]).reshape(self._experts, _HEADS, num)
        mixed(gates, said, w["head_bias"], logits)

    def _heads(self, logits: Matrix) -> Matrix:
        """`SavedRanker.heads`, [heads, n]."""
        log_rate = self._w["log_rate"]
        logits[_WATCHED] += log_rate
        seconds = np.exp(np.minimum(logits[_WATCH_S] + log_rate, _MOST_LOG_ODDS)) * self._w["mean_watch_s"]
        with np.errstate(over="ignore"):
            heads = np.float32(1) / (np.float32(1) + np.exp(-logits))
        heads[_WATCH_S] = seconds * (np.float32(1) - heads[_WATCHED])
        return np.asarray(heads, np.float32)
