"""How often each video turns up in the training stream, estimated while the stream passes."""

import numpy as np
from numpy.typing import NDArray


class StreamingFrequency:
    """For each video an average of the gap between its occurrences; the probability of a draw is one over the gap.

    Source: Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations", algorithm
    2. Steps here are single watches, not batches, so that a video seen several times in a batch has a probability
    above 1 / batch.
    """

    def __init__(self, num_videos: int, rate: float = 0.05) -> None:
        """`rate` is the weight of the newest gap. Before its first occurrence a video's gap is the number of videos."""
        self._rate = rate
        self._seen = np.zeros(num_videos, np.int64)
        self._gap = np.full(num_videos, float(max(num_videos, 1)))
        self._step = 0

    def update(self, videos: NDArray[np.int64]) -> None:
        """Take the next watches of the stream, [n] row of the video of each, in order."""
        order = np.argsort(videos, kind="stable")
        ordered = videos[order]
        starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(ordered) else np.zeros(0, np.int64)
        occurrence = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.append(starts, len(ordered))))
        steps = self._step + 1 + order
        # Occurrences of one video follow each other; those with the same number belong to different videos.
        for number in range(int(occurrence.max(initial=-1)) + 1):
            now = occurrence == number
            video, step = ordered[now], steps[now]
            gap = step - self._seen[video]
            first = self._seen[video] == 0
            averaged = (1 - self._rate) * self._gap[video] + self._rate * gap
            self._gap[video] = np.where(first, np.maximum(self._gap[video], gap), averaged)
            self._seen[video] = step
        self._step += len(videos)

    def probability(self, videos: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability that one draw of the stream is the video, [n] row -> [n]."""
        return np.asarray(1 / np.maximum(self._gap[videos], 1.0), np.float64)
