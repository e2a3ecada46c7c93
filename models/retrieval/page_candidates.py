"""Vectors of videos, in numpy: what `SavedTowers.candidate` answers, in a process that never loads TensorFlow."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.codes import UNKNOWN, Codes
from models.retrieval.constants import LOG_DURATION
from models.retrieval.moment import is_new
from models.retrieval.titles import title_codes
from models.video_table import VideoTable

Matrix = NDArray[np.float32]
_KEYS = ("video", "channel", "topic", "language")


class PageCandidates:
    """Candidate vectors.

    Args:
      weights: of `SavedTowers.candidate_weights`, by name.
      ids: [v, width] embeddings of the videos of its vocabulary; may be mapped into memory.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]], ids: Matrix) -> None:
        self._w, self._ids = weights, ids
        self._codes = {name: Codes(weights[f"{name}_keys"], weights[f"{name}_codes"]) for name in _KEYS}

    def __call__(self, videos: VideoTable, dynamic: Matrix) -> Matrix:
        """[n, width + 1], the bias last.

        Args:
          videos: n of them, in any order, with titles.
          dynamic: [n, NUM_DYNAMIC] of `moment`.
        """
        w = self._w
        code = self._codes["video"](videos.keys)
        if "change_kernel" not in w:
            return np.append(self._ids[code], np.zeros((len(code), 1), np.float32), axis=1)
        both = np.append(self._content(videos, np.where(is_new(dynamic), UNKNOWN, code)), dynamic, axis=1)
        content = both[:, : self._ids.shape[1]]
        vector = content + np.maximum(both @ w["hidden_kernel"] + w["hidden_bias"], 0) @ w["change_kernel"]
        vector += w["change_bias"]
        vector /= np.sqrt(np.maximum(np.square(vector).sum(axis=1, keepdims=True), np.float32(1e-12)))
        bias = np.maximum(both @ w["bias_hidden_kernel"] + w["bias_hidden_bias"], 0) @ w["bias_kernel"] + w["bias_bias"]
        return np.append(vector, bias, axis=1)

    def _content(self, videos: VideoTable, code: NDArray[np.int32]) -> Matrix:
        """`Content` of videos whose ids have these codes, [n, width]."""
        w, codes = self._w, self._codes
        content = np.asarray(self._ids[code], np.float32)
        content += w["channel"][codes["channel"](videos.channels)] + w["language"][codes["language"](videos.languages)]
        content += _mean(w["topic"], codes["topic"](videos.topics)) + _mean(w["title"], title_codes(videos.titles))
        duration = np.log1p(videos.duration_s) / np.float32(LOG_DURATION)
        return np.asarray(content + duration[:, None] * w["duration_kernel"] + w["duration_bias"], np.float32)


def _mean(table: Matrix, codes: NDArray[np.int32]) -> Matrix:
    """Mean embedding of the codes of each row that are not padding: [n, t] -> [n, width]."""
    total, present = np.zeros((len(codes), table.shape[1]), np.float32), codes > 0
    for column in range(codes.shape[1]):
        total += table[codes[:, column]] * present[:, column, None]
    return np.asarray(total / np.maximum(present.sum(axis=1, keepdims=True), 1).astype(np.float32))
