"""How often each video turns up in the training stream, estimated while the stream passes, in memory that does not
grow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "frequency.npz"
#: Odd multipliers, one for each hash of a key.
_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)


class StreamingFrequency:
    """Two arrays that keys are hashed into: the step at which a bucket was last touched, and what it then counted.

    Source: Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations", section 4:
    the arrays A and B, and several hashes whose answers are joined so that a collision cannot make a rare video look
    frequent. B differs: theirs is the running mean of the gap between occurrences, which sees the newest 1 / rate
    occurrences of a video however popular it is; here it is the count of occurrences, each forgotten at the same pace
    (Cormode et al. 2009, "Forward decay"), which is as exact as the number of occurrences in the memory allows.
    Steps are single watches, not batches, so that a video seen several times in a batch counts as often.
    """

    def __init__(self, num_buckets: int, memory: float) -> None:
        """`num_buckets` of each hash; `memory` in watches, after which an occurrence counts 1 / e."""
        self._memory, self._step = float(memory), 0
        self._touched = np.zeros((len(_MULTIPLIERS), num_buckets), np.int64)
        self._count = np.zeros((len(_MULTIPLIERS), num_buckets))

    def update(self, keys: NDArray[np.int64]) -> None:
        """Take the next watches of the stream, [n] key of the video of each, in order."""
        distinct, place = np.unique(keys, return_inverse=True)
        end = self._step + len(keys)
        age = np.arange(len(keys), 0, -1) - 1
        new = np.bincount(place, np.exp(-age / self._memory), len(distinct))
        for touched, count, bucket in zip(self._touched, self._count, self._buckets(distinct), strict=True):
            hit, where = np.unique(bucket, return_inverse=True)
            faded = count[hit] * np.exp((touched[hit] - end) / self._memory)
            count[hit] = faded + np.bincount(where, new, len(hit))
            touched[hit] = end
        self._step = end

    def probability(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability that one draw of the stream is the video, [n] key -> [n]; never less than one draw in all that
        is remembered."""
        total = self._memory * -np.expm1(-self._step / self._memory) if self._step else 1.0
        buckets = self._buckets(keys)
        faded = [
            count[bucket] * np.exp((touched[bucket] - self._step) / self._memory)
            for touched, count, bucket in zip(self._touched, self._count, buckets, strict=True)
        ]
        return np.asarray(np.clip(np.min(faded, axis=0), 1.0, total) / total, np.float64)

    @property
    def num_watches(self) -> int:
        """Length of the stream so far."""
        return self._step

    def collision_rate(self, keys: NDArray[np.int64]) -> float:
        """Share of the distinct `keys` that share a bucket with another in every hash: their estimate is too high."""
        distinct = np.unique(keys)
        shared = np.ones(len(distinct), bool)
        for bucket in self._buckets(distinct):
            shared &= np.bincount(bucket, minlength=self._count.shape[1])[bucket] > 1
        return float(shared.mean()) if len(distinct) else 0.0

    def state(self) -> dict[str, NDArray[Any]]:
        """A copy of what `restore` goes on from."""
        return {"step": np.array(self._step), "touched": self._touched.copy(), "count": self._count.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a `state`."""
        self._step, self._touched, self._count = int(state["step"]), state["touched"], state["count"]

    def save(self, folder: Path) -> None:
        """Write `frequency.npz`."""
        np.savez_compressed(
            folder / FILE, step=self._step, memory=self._memory, touched=self._touched, count=self._count
        )

    @classmethod
    def load(cls, folder: Path) -> "StreamingFrequency":
        """Read `frequency.npz`; the stream goes on where it was saved."""
        with np.load(folder / FILE, allow_pickle=False) as saved:
            made = cls(saved["count"].shape[1], float(saved["memory"]))
            made.restore(saved)
        return made

    def _buckets(self, keys: NDArray[np.int64]) -> list[NDArray[Any]]:
        """Bucket of each key by each hash (multiply, then the upper bits)."""
        mixed = [(keys.astype(np.uint64) * multiplier) >> np.uint64(33) for multiplier in _MULTIPLIERS]
        return [(upper % np.uint64(self._count.shape[1])).astype(np.int64) for upper in mixed]
