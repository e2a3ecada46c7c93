"""What viewers said about themselves, as columns of numpy arrays, sorted by key."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.history import microseconds, string_keys


@dataclass(frozen=True)
class Profiles:
    """u viewers.

    Attributes:
      users: [u] key, ascending.
      countries, languages: [u] key, 0 unknown.
      ages: [u] years, -1 unknown.
    """

    users: NDArray[np.int64]
    countries: NDArray[np.int64]
    languages: NDArray[np.int64]
    ages: NDArray[np.int32]

    def of(self, users: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Country, language and age of each user, [n] -> three [n]; unknown for a stranger."""
        found = np.minimum(np.searchsorted(self.users, users), max(len(self.users) - 1, 0))
        known = self.users[found] == users if len(self.users) else np.zeros(len(users), bool)
        row = np.where(known, found, len(self.users))
        return (
            np.append(self.countries, 0)[row],
            np.append(self.languages, 0)[row],
            np.append(self.ages, -1).astype(np.int32)[row],
        )


def profiles_of(users: pa.Table) -> Profiles:
    """The newest row of each viewer of the `users` table."""
    keys, times = users.column("user").to_numpy(), microseconds(users.column("time"))
    order = np.lexsort((times, keys))
    newest = order[np.append(keys[order][1:] != keys[order][:-1], True)] if len(order) else order
    ages = users.column("age").fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Profiles(
        keys[newest],
        string_keys(users.column("country"))[newest],
        string_keys(users.column("language"))[newest],
        ages[newest],
    )
