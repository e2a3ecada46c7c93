"""Buckets: the place of a viewer among all viewers under a salt. Whoever has the viewer's key can compute it again.

Releases and experiments take their viewers by bucket. Salts are independent of each other: which bucket a viewer has
under one says nothing about the bucket under another, so experiments in different layers do not meet.
"""

import hashlib

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import ids


def bucket(salt: str, user: str) -> float:
    """A number in [0, 1) that is the same for the same salt and viewer, and uniform over viewers."""
    digest = hashlib.md5(f"{salt}/{ids.key(user)}".encode(), usedforsecurity=False).digest()
    return (int.from_bytes(digest[8:], "little") >> 11) / 2**53


def control_share(share: float) -> float:
    """Share of the viewers that a release's control has, from the other end of its buckets, when the release answers
    `share`: as many, or all that are left."""
    return min(share, 1 - share)


def buckets(salt: str, users: NDArray[np.int64]) -> NDArray[np.float64]:
    """[n] buckets of viewers by their keys (`homefeed.ids`), the same as `bucket` gives for their ids."""
    rows = pa.table({"user": pa.array(users, pa.int64())})
    with duckdb.connect() as connection:
        connection.register("viewers", rows)
        found = connection.sql(
            "SELECT (md5_number_lower($salt || '/' || user::VARCHAR) >> 11)::BIGINT AS bucket FROM viewers",
            params={"salt": salt},
        ).to_arrow_table()
    return np.asarray(found.column("bucket").to_numpy(), np.float64) / 2**53
