"""Copies in the archive: files named by their digest, and one record per window that says which of them it is made of.

A record is written after its files were read back, so a file that no record names is half of an upload that failed: it
counts as not there, and the next run takes its place.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from homefeed.errors import HomefeedError
from homefeed.manifest import digest
from homefeed.object_store import ObjectStore


class ArchiveError(HomefeedError):
    """A copy is not what was copied, or cannot be read; what it is a copy of was left where it is."""


@dataclass(frozen=True)
class Part:
    """One file of the archive.

    Attributes:
      name: of the object.
      sha256, size: of its bytes.
      rows: rows or lines in it.
      files: what a pack of the event log holds: name -> SHA-256, size [bytes] and rows.
    """

    name: str
    sha256: str
    size: int
    rows: int
    files: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Record:
    """What the archive has of one window of one table, or of the event log: its parts in order of age."""

    window: str
    parts: list[Part]


def record_name(kind: str, window: str) -> str:
    """Object that holds the record; `kind` is `events` or `lake/TABLE`."""
    return f"{kind}/{window}.json"


def read_record(store: ObjectStore, kind: str, window: str) -> Record | None:
    """The record of a window, or None. Raises ArchiveError when it cannot be understood."""
    content = store.read(record_name(kind, window))
    if content is None:
        return None
    try:
        held = orjson.loads(content)
        return Record(held["window"], [Part(**part) for part in held["parts"]])
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(
            f"{store.folder}/{record_name(kind, window)} is no record of an archived window: {error}"
        ) from error


def write_record(store: ObjectStore, kind: str, record: Record) -> None:
    """Name the parts of a window, all of them verified before."""
    store.write(record_name(kind, record.window), orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2))


def archived_windows(store: ObjectStore, kind: str) -> list[str]:
    """Windows that have a record, in order."""
    names = (name.removeprefix(f"{kind}/") for name in store.names(kind))
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json") and "/" not in name)


def put(
    store: ObjectStore, folder: str, file: Path, ending: str, rows: int, files: dict[str, dict[str, Any]], back: Path
) -> Part:
    """Upload a file under its digest and read it back into `back`, where the caller may look at it again.

    Raises:
      ArchiveError: what came back is something else. The object is removed.
    """
    sha = digest(file)
    part = Part(f"{folder}/{sha[:16]}{ending}", sha, file.stat().st_size, rows, files)
    store.upload(file, part.name)
    if store.download(part.name, back) != sha:
        store.delete(part.name)
        raise ArchiveError(f"{store.folder}/{part.name} came back different from what was written; try again")
    return part


def fetch(store: ObjectStore, part: Part, target: Path) -> None:
    """Download a part and hold it against its record. Raises ArchiveError when it is damaged."""
    if store.download(part.name, target) != part.sha256:
        raise ArchiveError(
            f"{store.folder}/{part.name} is damaged: its SHA-256 is not the one in its record. Bring the object back"
            " from an older version or another copy of the store"
        )
