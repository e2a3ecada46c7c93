"""A vocabulary outside of the graph, for pages: 63-bit keys become the codes that training gave them."""

import numpy as np
from numpy.typing import NDArray

from models.membership import places

#: Code of a key that training did not see; that of a missing one, whose key is 0, is 0.
UNKNOWN = 1


class Codes:
    """The same codes as `models.vocabulary.Vocabulary`."""

    def __init__(self, keys: NDArray[np.int64], codes: NDArray[np.int32]) -> None:
        """`keys` [v] and the code of each, as `Vocabulary.table` exports them."""
        order = np.argsort(keys, kind="stable")
        self._keys, self._codes = keys[order], codes[order]

    def __call__(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        """Keys of any shape -> codes of that shape."""
        place = places(self._keys, keys)
        return np.where(place >= 0, self._codes[place], np.int32(UNKNOWN))
