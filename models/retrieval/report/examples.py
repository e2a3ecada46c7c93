"""Videos to look at, with those nearest to them: do the vectors agree with what a person sees in the titles?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.names import Names
from models.retrieval.batches import Log
from models.retrieval.watches import COUNT_SPANS, window_number

NUM_POPULAR, NUM_NEW, NUM_NEIGHBOURS = 4, 4, 5
_HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Neighbour:
    """A video near another: `cosine` of their vectors without the bias."""

    title: str
    channel: str
    topic: str
    cosine: float


@dataclass(frozen=True)
class Example:
    """A video and its neighbours, the nearest first.

    Attributes:
      kind: `popular` or `new`.
      age_h: hours from its upload to the end of the newest window.
      num_watches: in the seven days before that end.
    """

    kind: str
    title: str
    channel: str
    topic: str
    age_h: float
    num_watches: int
    neighbours: list[Neighbour]


def examples(
    log: Log, videos: NDArray[np.int64], vectors: NDArray[np.float32], end: int, names: Names
) -> list[Example]:
    """The most watched videos and the newest uploads among those that have a vector.

    Args:
      log: catalogue and counts.
      videos: [v] keys of the catalogue.
      vectors: [v, width + 1], the bias last.
      end: microseconds; what counts as popular and new.
      names: of channels and topics.
    """
    rows = log.table.rows(videos)
    counts = log.counts.before(rows, np.full(len(rows), window_number(np.array(end))), COUNT_SPANS[-1:])[:, 0]
    uploaded = log.table.uploaded[rows]
    popular = np.lexsort((rows, -counts))[:NUM_POPULAR]
    popular = popular[counts[popular] > 0]
    newest = np.lexsort((rows, counts, -uploaded))[: NUM_NEW + NUM_POPULAR]
    newest = newest[~np.isin(newest, popular)][:NUM_NEW]
    directions = unit(vectors)

    def neighbour(at: int, cosine: float) -> Neighbour:
        row = rows[at]
        return Neighbour(
            title=str(log.table.titles[row]),
            channel=names.channel(int(log.table.channels[row])),
            topic=names.topic(int(log.table.topics[row, 0])),
            cosine=cosine,
        )

    found = []
    for kind, chosen in (("popular", popular), ("new", newest)):
        for at in chosen.tolist():
            cosines = directions @ directions[at]
            cosines[at] = -np.inf
            near = np.argsort(-cosines, kind="stable")[: min(NUM_NEIGHBOURS, len(rows) - 1)]
            itself = neighbour(at, 1.0)
            found.append(
                Example(
                    kind=kind,
                    title=itself.title,
                    channel=itself.channel,
                    topic=itself.topic,
                    age_h=float(end - uploaded[at]) / _HOUR_US,
                    num_watches=int(counts[at]),
                    neighbours=[neighbour(other, float(cosines[other])) for other in near.tolist()],
                )
            )
    return found


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Directions of vectors [v, width + 1] without the bias, [v, width]; a vector of zeros stays one."""
    direction = vectors[:, :-1]
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    return np.asarray(direction / np.where(length > 0, length, 1), np.float32)
