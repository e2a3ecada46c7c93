"""The index over the candidate vectors: built, measured against exact search, searched and kept fresh."""

from models.index.build import (
    FOLDER,
    IndexRecord,
    build_index,
    load_index,
    load_shard,
    new_index,
    pairing_of,
    read_record,
)
from models.index.exact import RECALL_AT, exact_rows, index_recall
from models.index.live import Change, LiveIndex, Rest
from models.index.searcher import IndexInputError
from models.index.shards import Index, Searchable, Shards, merged, shard_of

__all__ = [
    "FOLDER",
    "RECALL_AT",
    "Change",
    "Index",
    "IndexInputError",
    "IndexRecord",
    "LiveIndex",
    "Rest",
    "Searchable",
    "Shards",
    "build_index",
    "exact_rows",
    "index_recall",
    "load_index",
    "load_shard",
    "merged",
    "new_index",
    "pairing_of",
    "read_record",
    "shard_of",
]
