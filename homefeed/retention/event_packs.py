"""Packs of the event log: the files of one arrival window as one compressed object, byte for byte."""

import contextlib
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from homefeed.ingest.event_log import EventLog
from homefeed.ingest.parquet_files import PARQUET_ENDING
from homefeed.object_store import ObjectStore, fsync_folder
from homefeed.retention.copies import ArchiveError, Record, fetch, put, read_record, write_record

KIND = "events"
_REMOVED = ".removed-"
_CHUNK = 1 << 20


def ship(log: EventLog, store: ObjectStore, window: str) -> Record:
    """Make sure that the archive has every file of an arrival window as it is now; returns the record.

    What is there already, unchanged, costs one small read. A window that grew since is packed anew, and the old pack
    goes once the record names the new one. Files that are in the archive only stay there.

    Raises:
      ArchiveError, StoreError: the copy is not there, or not the same.
    """
    before = read_record(store, KIND, window)
    held = _held(before)
    files = {file.name: _described(file) for file in log.files(window)}
    if before is not None and files.items() <= held.items():
        return before
    kept = [] if before is None or set(held) <= set(files) else before.parts
    with _scratch(log) as folder:
        pack, back = folder / "pack", folder / "back"
        _write(log.path / window, list(files), pack)
        # What was packed is what the record will say, also when a writer was still appending.
        if _contents(pack) != files:
            raise ArchiveError(f"arrival window {window} of {log.path} changed while it was packed; run it again")
        rows = sum(int(file["rows"]) for file in files.values())
        part = put(store, f"{KIND}/{window}", pack, ".tar.zst", rows, files, back)
    record = Record(window, [*(p for p in kept if p.name != part.name), part])
    write_record(store, KIND, record)
    for old in before.parts if before else []:
        if old.name not in {p.name for p in record.parts}:
            store.delete(old.name)
    return record


def remove(log: EventLog, store: ObjectStore, window: str) -> int:
    """Remove an arrival window from the log after its copy was read back; returns the files removed.

    The window leaves in one step, so that ingestion never meets half of it.

    Raises:
      ArchiveError: the archive does not hold every file of it, or a file of it is unfinished. Nothing is removed.
    """
    record = read_record(store, KIND, window)
    held: dict[str, Any] = {}
    with _scratch(log) as folder:
        for part in record.parts if record else []:
            fetch(store, part, folder / "pack")
            held |= _contents(folder / "pack")
    files = log.files(window)
    for file in (log.path / window).iterdir():
        if file not in files:
            raise ArchiveError(f"{file} is unfinished, so arrival window {window} stays; remove it or wait for it")
        if held.get(file.name) != _described(file):
            raise ArchiveError(f"{file} is not in {store.folder}/{KIND} as it is here; it stays. Run the archive again")
    (log.path / window).rename(log.path / f"{_REMOVED}{window}")
    fsync_folder(log.path)
    sweep(log)
    return len(files)


def sweep(log: EventLog) -> None:
    """Finish the removals that were cut short."""
    for folder in log.path.glob(f"{_REMOVED}*"):
        shutil.rmtree(folder)


def unpack(log: EventLog, store: ObjectStore, window: str) -> int:
    """Bring an arrival window back into the log; returns the files written. A file that is there already is left alone.

    Raises:
      ArchiveError: the window was never archived, or its pack is damaged.
    """
    record = read_record(store, KIND, window)
    if record is None:
        raise ArchiveError(f"arrival window {window} is not in {store.folder}/{KIND}")
    present = {file.name for file in log.files(window)}
    with _scratch(log) as folder:
        ready = folder / window
        ready.mkdir()
        for part in record.parts:
            fetch(store, part, folder / "pack")
            for file in _unpacked(folder / "pack", folder / part.sha256):
                if file.name not in present:
                    with file.open("rb") as content:
                        os.fsync(content.fileno())
                    file.replace(ready / file.name)
        files = list(ready.iterdir())
        fsync_folder(ready)
        if not (log.path / window).exists():
            # In one step, so that ingestion never meets half of it.
            ready.rename(log.path / window)
        else:
            for file in files:
                file.rename(log.path / window / file.name)
        fsync_folder(log.path)
    return len(files)


def _held(record: Record | None) -> dict[str, dict[str, Any]]:
    return {name: file for part in (record.parts if record else []) for name, file in part.files.items()}


@contextlib.contextmanager
def _scratch(log: EventLog) -> Iterator[Path]:
    """A folder beside the windows, on the disk that holds them."""
    log.path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".packing-", dir=log.path) as folder:
        yield Path(folder)


def _write(folder: Path, names: list[str], pack: Path) -> None:
    with (
        pack.open("wb") as raw,
        pa.CompressedOutputStream(raw, "zstd") as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in names:
            # Neither times nor owners: the same files make the same pack.
            info = tarfile.TarInfo(name)
            with (folder / name).open("rb") as file:
                info.size = (folder / name).stat().st_size
                tar.addfile(info, file)


def _contents(pack: Path) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=pack.parent) as folder:
        return {file.name: _described(file) for file in _unpacked(pack, Path(folder))}


def _unpacked(pack: Path, folder: Path) -> list[Path]:
    try:
        with (
            pa.CompressedInputStream(pa.OSFile(str(pack)), "zstd") as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            tar.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise ArchiveError(f"a pack cannot be unpacked: {error}") from error
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _described(file: Path) -> dict[str, Any]:
    """Digest, size and rows of a file; the rows of a format that ingestion does not know are its lines."""
    sha, size, lines = hashlib.sha256(), 0, 0
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            sha.update(chunk)
            size += len(chunk)
            lines += chunk.count(b"\n")
    if file.suffix == PARQUET_ENDING:
        # A file that is no Parquet goes to quarantine; its copy is as good as it is.
        with contextlib.suppress(pa.ArrowInvalid):
            lines = int(pq.read_metadata(file).num_rows)
    return {"sha256": sha.hexdigest(), "size": size, "rows": lines}
