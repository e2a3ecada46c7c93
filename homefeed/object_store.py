"""Objects by name under one folder, on disk or in an object store, each written whole or not at all.

Through fsspec. What an error says names the object and never the credentials.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from homefeed.errors import HomefeedError
from homefeed.settings.storage import Place, StorageSettings, StoreFolder

#: What to look at when a store refuses.
NEEDED_RIGHTS = "The key of HOMEFEED_STORAGE__ACCESS_KEY_ID must be allowed to list, read, write and delete there"
_CHUNK = 1 << 20


class StoreError(HomefeedError):
    """The store refuses, is gone, or has no such object; nothing was half written."""


def filesystem(folder: StoreFolder) -> Any:
    """The fsspec filesystem of a store's folder. Raises StoreError when its package is missing."""
    import fsspec  # type: ignore[import-untyped]

    protocol, storage = folder.url.split("://")[0], folder.storage
    options: dict[str, Any] = {}
    if protocol in ("s3", "s3a"):
        options = {
            "key": storage.access_key_id.get_secret_value() or None,
            "secret": storage.secret_access_key.get_secret_value() or None,
            "endpoint_url": storage.endpoint_url or None,
            "client_kwargs": {"region_name": storage.region},
            "config_kwargs": {"read_timeout": storage.timeout_s, "connect_timeout": storage.timeout_s},
            # Another process may have written since.
            "use_listings_cache": False,
        }
    try:
        return fsspec.filesystem(protocol, **options)
    except (ImportError, ValueError) as error:
        raise StoreError(
            f"{folder} cannot be opened: {error}. Set HOMEFEED_STORAGE__URL to a store that fsspec knows, and install"
            " its package (s3: pip install 'homefeed[cluster]')"
        ) from error


def delta_options(place: Place) -> dict[str, str] | None:
    """What delta-rs needs to open a table there; None for a folder on disk."""
    if isinstance(place, Path):
        return None
    storage: StorageSettings = place.storage
    options = {
        "aws_access_key_id": storage.access_key_id.get_secret_value(),
        "aws_secret_access_key": storage.secret_access_key.get_secret_value(),
        "aws_endpoint_url": storage.endpoint_url,
        "aws_region": storage.region,
        "timeout": f"{storage.timeout_s:g}s",
    }
    if storage.endpoint_url.startswith("http://"):
        options["aws_allow_http"] = "true"
    return {name: value for name, value in options.items() if value}


@dataclass(frozen=True)
class ObjectStore:
    """Objects under one folder.

    Attributes:
      folder: where they lie.
    """

    folder: Place

    def names(self, under: str = "") -> list[str]:
        """Names below `under`, relative to the folder, in order; drafts are left out."""
        with self._told("list", under):
            if isinstance(self.folder, Path):
                found = [p.relative_to(self.folder).as_posix() for p in (self.folder / under).rglob("*") if p.is_file()]
                return sorted(name for name in found if not name.endswith(".tmp"))
            system, root = self._system, self._at("")
            found = system.find(f"{root}{under}".rstrip("/"))
            return sorted(str(name).removeprefix(root) for name in found)

    def read(self, name: str) -> bytes | None:
        """Content of a small object; None when there is none."""
        with self._told("read", name):
            try:
                if isinstance(self.folder, Path):
                    return (self.folder / name).read_bytes()
                return bytes(self._system.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Replace a small object; a reader sees the old one or the new one."""
        with self._told("write", name):
            if isinstance(self.folder, Path):
                with _whole(self.folder / name) as file:
                    file.write(content)
            else:
                self._system.pipe_file(self._at(name), content)

    def upload(self, source: Path, name: str) -> None:
        """Copy a file there; whoever looks meanwhile finds no part of it."""
        with self._told("write", name):
            if isinstance(self.folder, Path):
                with _whole(self.folder / name) as file, source.open("rb") as content:
                    shutil.copyfileobj(content, file, _CHUNK)
            else:
                self._system.put_file(str(source), self._at(name))

    @contextmanager
    def open(self, name: str) -> Iterator[Any]:
        """An object as a file to read and seek in; of a store's no more is fetched than what is read and a block."""
        with self._told("read", name):
            if isinstance(self.folder, Path):
                file = (self.folder / name).open("rb")
            else:
                file = self._system.open(self._at(name), "rb")
            with file:
                yield file

    @contextmanager
    def create(self, name: str) -> Iterator[Any]:
        """An object of a store as a file to write; it is there once the block has ended, and not when that failed."""
        with self._told("write", name):
            file = self._system.open(self._at(name), "wb", autocommit=False)
            try:
                yield file
                file.close()
            except BaseException:
                file.discard()
                # Else it would be written when it is collected.
                file.closed = True
                raise
            file.commit()

    def download(self, name: str, target: Path) -> str:
        """Copy an object to a file; returns the SHA-256 of what came."""
        sha = hashlib.sha256()
        with self.open(name) as source, target.open("wb") as file:
            while chunk := source.read(_CHUNK):
                sha.update(chunk)
                file.write(chunk)
        return sha.hexdigest()

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        with self._told("delete", name):
            if isinstance(self.folder, Path):
                (self.folder / name).unlink(missing_ok=True)
            elif self._system.exists(self._at(name)):
                self._system.rm_file(self._at(name))

    @property
    def _system(self) -> Any:
        assert isinstance(self.folder, StoreFolder)
        return filesystem(self.folder)

    def _at(self, name: str) -> str:
        return f"{str(self.folder).split('://', 1)[1]}/{name}"

    @contextmanager
    def _told(self, what: str, name: str) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise StoreError(
                f"{self.folder}/{name} cannot be {_PAST[what]}: the store refuses ({error}). {NEEDED_RIGHTS}"
            ) from error
        except Exception as error:
            if isinstance(error, HomefeedError):
                raise
            raise StoreError(
                f"{self.folder}/{name} cannot be {_PAST[what]}: {type(error).__name__}: {error}. Look at"
                " HOMEFEED_STORAGE__URL, HOMEFEED_STORAGE__ENDPOINT_URL and HOMEFEED_RETENTION__ARCHIVE_URL, and"
                " whether the store answers; then run it again"
            ) from error


_PAST = {"list": "listed", "read": "read", "write": "written", "delete": "deleted"}


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that has its name once its content is on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.tmp")
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        fsync_folder(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a file is only as safe as its entry."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
