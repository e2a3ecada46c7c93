"""Ids: opaque strings at every edge, a stable 64-bit integer inside.

The integer is the lower 64 bits of MD5 (as DuckDB's `md5_number_lower` computes it), shifted right once so that it fits
a signed column: 63 bits. MD5 is in every engine that reads the lake, so a key computed anywhere is the same key.
"""

import hashlib

import duckdb
import pyarrow as pa

MAX_ID_BYTES = 64
#: SQL that computes the key of a string column; `{}` is the column.
KEY_SQL = "(md5_number_lower({}) >> 1)::BIGINT"


def key(identifier: str) -> int:
    """The key of one id. Raises ValueError when the id is not 1 to 64 bytes of UTF-8."""
    encoded = identifier.encode()
    if not 1 <= len(encoded) <= MAX_ID_BYTES:
        raise ValueError(f"an id has 1 to {MAX_ID_BYTES} bytes, this one has {len(encoded)}: {identifier[:80]!r}")
    return number(identifier)


def number(text: str) -> int:
    """The same of a text of any length."""
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "little") >> 1


def keys(identifiers: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """The keys of a column of ids, shape [n] string -> [n] int64; null stays null."""
    ids = pa.table({"id": identifiers})
    with duckdb.connect() as connection:
        connection.register("ids", ids)
        return connection.sql(f"SELECT {KEY_SQL.format('id')} AS key FROM ids").to_arrow_table().column("key")
