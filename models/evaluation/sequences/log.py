"""A plain log: who interacted with what, in which order."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class SequenceLog:
    """n interactions in order of user, then time.

    Attributes:
      users: [n] dense code of the user, 0 to num_users - 1, never decreasing. A code may have no interaction.
      items: [n] dense code of the item, 0 to num_items - 1.
      num_users, num_items: number of codes.
      times: [n] microseconds since 1970 UTC; None when the log tells the order only.
      user_ids: [num_users] the user's id as it was written in the file, by code.
      item_ids: [num_items] the item's id as it was written in the file, by code.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    num_users: int
    num_items: int
    times: NDArray[np.int64] | None
    user_ids: NDArray[np.object_]
    item_ids: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.users)

    def only(self, kept: NDArray[np.bool_]) -> tuple["SequenceLog", NDArray[np.int64]]:
        """The interactions of the mask `kept` [n], with codes for their own items only; users keep their codes.

        Returns:
          The log, and [num_items] the new code of every item of this log; -1 for one that the new log has not.
        """
        present = np.zeros(self.num_items, bool)
        present[self.items[kept]] = True
        code = np.where(present, np.cumsum(present) - 1, -1)
        times = None if self.times is None else self.times[kept]
        num = int(present.sum())
        items = code[self.items[kept]]
        log = SequenceLog(self.users[kept], items, self.num_users, num, times, self.user_ids, self.item_ids[present])
        return log, code


def sequence_log(
    users: pa.Array, items: pa.Array, times: NDArray[np.int64] | None, parts: NDArray[np.int64] | None = None
) -> tuple[SequenceLog, NDArray[np.int64]]:
    """The log of rows in any order.

    Args:
      users, items: [n] ids, strings.
      times: [n] microseconds, or None; interactions of one time keep the order of the rows.
      parts: [n] part of the data that a row belongs to; a user's rows of a lower part come first. None is one part.

    Returns:
      The log, and [n] the row of each of its interactions.
    """
    user, user_ids = _codes(users)
    item, item_ids = _codes(items)
    part = np.zeros(len(user), np.int64) if parts is None else parts
    order = np.lexsort((part, user) if times is None else (times, part, user))
    ordered = None if times is None else times[order]
    log = SequenceLog(user[order], item[order], len(user_ids), len(item_ids), ordered, user_ids, item_ids)
    return log, order


def _codes(values: pa.Array) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Codes in order of first appearance, and the value of each code."""
    coded = values.dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, coded.dictionary.to_numpy(zero_copy_only=False)
