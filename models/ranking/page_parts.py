"""What the ranker says of videos, channels and topics before anyone asks, in numpy: once for each snapshot.

The same numbers as the network of training, whose part of each candidate is put together in `page_scores`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.features import TARGETS
from models.codes import Codes
from models.ranking.page_columns import Aggregates, Pieces

Matrix = NDArray[np.float32]
Keys = NDArray[np.int64]
_HEADS = len(TARGETS)
_KEYS = ("video", "channel", "topic", "language")


class PageParts:
    """The parts, a block at a time.

    Args:
      weights: of `PageRanker.weights`.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._w = w = weights
        self._columns = {of: (Aggregates(of), Pieces(w, of)) for of in ("video", "channel", "topic")}
        self._codes = {name: Codes(w[f"{name}_keys"], w[f"{name}_codes"]) for name in _KEYS}
        num = {of: 2 * len(w[f"{of}_least"]) + _HEADS for of in self._columns}
        #: Columns of each part.
        self.widths = {
            "video": num["video"] + 2 * w["topics"].shape[1] + w["language_table"].shape[1],
            "channel": num["channel"],
            "topic": num["topic"] + w["crossed"].shape[1],
        }

    def videos(self, dense: Matrix, videos: Keys, channels: Keys, topics: Keys, languages: Keys, out: Matrix) -> None:
        """What depends on a video alone: its part of the trunk's input, then what it adds to each logit.

        Args:
          dense: [d, n] its features in the order of `owners.FEATURES_OF`.
          videos, channels, languages: keys [n].
          topics: keys [n, t], the main one first.
          out: [n, widths["video"]], which is filled.
        """
        w, code = self._w, self._codes
        read, logits = self._dense("video", dense)
        of_topics = code["topic"](topics)
        item = w["video_table"].take(code["video"](videos), axis=0)
        item += w["channel_table"].take(code["channel"](channels), axis=0)
        item += w["topics"].take(of_topics[:, 0], axis=0)
        side = np.zeros_like(item)
        for column in range(1, of_topics.shape[1]):
            # Code 0 is no topic, not one that all such videos share.
            side += w["topics"].take(of_topics[:, column], axis=0) * (of_topics[:, column] > 0)[:, None]
        language = w["language_table"].take(code["language"](languages), axis=0)
        np.concatenate([read.T, item, side, language, logits.T], axis=1, out=out)

    def channels(self, dense: Matrix, out: Matrix) -> None:
        """What depends on a channel alone: features [d, n] into `out` [n, widths["channel"]], the logits last."""
        read, logits = self._dense("channel", dense)
        np.concatenate([read.T, logits.T], axis=1, out=out)

    def topics(self, dense: Matrix, topics: Keys, out: Matrix) -> None:
        """What depends on a topic alone: features [d, n] and keys [n] into `out` [n, widths["topic"]], its part of the
        trunk's input, its row of `Crosses.topic`, then what it adds to each logit."""
        read, logits = self._dense("topic", dense)
        crossed = self._w["crossed"].take(self._codes["topic"](topics), axis=0)
        np.concatenate([read.T, crossed, logits.T], axis=1, out=out)

    def _dense(self, of: str, dense: Matrix) -> tuple[Matrix, Matrix]:
        """Columns of an owner with their quantiles, [2 d, n], and what they add to each logit [heads, n]."""
        aggregates, pieces = self._columns[of]
        return pieces(aggregates(dense), slice(0, dense.shape[1]))
