"""What changes about a video from one moment to the next, as the candidate tower reads it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_HOUR_US = 3_600_000_000
#: Log of the age in hours and of the watches in each of `watches.COUNT_SPANS`, as multiples of a mean video's.
NUM_DYNAMIC = 4


def moment(
    uploaded: NDArray[np.int64], counts: NDArray[np.float32], mean: NDArray[np.float32], times: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Log age [h] and log multiples of a mean video's watches.

    A count says how popular a video is only beside the others: a log that began an hour ago holds an hour of a week's
    watches, and a night few. Learned from bare counts, few watches mean a popular video where the log begins, and the
    towers rank by that at its end (docs/adr/0036).

    Args:
      uploaded: [n] microseconds.
      counts: [n, c] watches in each of `watches.COUNT_SPANS` before the window of the time.
      mean: [n, c], or [c] for all, the same of a mean video of the catalogue.
      times: [n] microseconds, or one for all.

    Returns:
      [n, 1 + c] float32: `dynamic` of the candidate tower.
    """
    age_h = np.maximum(times - uploaded, 0) / _HOUR_US
    # Where nothing was watched every count is 0, whatever it is divided by.
    multiples = counts / np.where(mean > 0, mean, 1)
    return np.concatenate([np.log1p(age_h)[:, None] / 5.0, np.log1p(multiples) / 3.0], axis=1).astype(np.float32)


def is_new(dynamic: Any) -> Any:
    """Whether a video had no watch in the longest span before its moment: array or tensor [n, NUM_DYNAMIC] -> [n]."""
    return dynamic[:, -1] <= 0
