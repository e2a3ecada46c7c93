"""Which versions of the lake's tables a snapshot was made from: kept in the file, so that it can be made again."""

import json
from collections.abc import Mapping

import pyarrow as pa

_KEY = b"lake_versions"


def with_versions(rows: pa.Table, versions: Mapping[str, int]) -> pa.Table:
    """The rows, whose schema says the version of each table."""
    return rows.replace_schema_metadata({_KEY: json.dumps(dict(versions), sort_keys=True).encode()})


def versions_of(schema: pa.Schema) -> str:
    """Table -> version as JSON; empty when the file does not say."""
    return bytes((schema.metadata or {}).get(_KEY, b"")).decode()
