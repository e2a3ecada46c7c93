"""Knobs of the object store and of what becomes of old windows, and the name of a folder in a store."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from homefeed.settings.group import Group, knob


class StorageSettings(Group):
    """Object store."""

    url: str = knob(
        "",
        "Folder of an object store for lake, exported bundles and the archive, as an fsspec URL such as"
        " `s3://bucket/homefeed`; empty keeps all of it under `var`.",
        pattern=r"^$|^[a-z][a-z0-9+]*://.*[^/]$",
    )
    endpoint_url: str = knob(
        "", "Address of an S3-compatible store; empty means Amazon's.", pattern=r"^$|^https?://[^/]+.*$"
    )
    region: str = knob("us-east-1", "Region of the store.")
    access_key_id: SecretStr = knob(
        SecretStr(""), "Key of the store; empty means the credentials of the machine's role or environment."
    )
    secret_access_key: SecretStr = knob(SecretStr(""), "Secret of that key; it is never written or logged.")
    timeout_s: float = knob(
        60.0, "A store that does not answer a read or a write within this time has failed.", "s", gt=0
    )


class RetentionSettings(Group):
    """Old windows: how long they stay at hand, and where they go."""

    hot_days: float = knob(180.0, "Windows older than this move to the archive.", "days", gt=0)
    archive_url: str = knob(
        "",
        "Folder of the archive, as an fsspec URL; empty means `archive` under `storage.url`, or under `var`.",
        pattern=r"^$|^[a-z][a-z0-9+]*://.*[^/]$",
    )
    restored_days: float = knob(7.0, "Restored windows stay at hand this long.", "days", gt=0)
    vacuum_hours: int = knob(
        168, "Files of table versions older than this go, unless a kept release was trained on the version.", "h", ge=0
    )


@dataclass(frozen=True)
class StoreFolder:
    """A folder of an object store, with what it takes to open it; as text it is its URL, without credentials.

    Attributes:
      url: fsspec URL without a slash at its end.
      storage: address and credentials of the store.
    """

    url: str
    storage: StorageSettings

    def __truediv__(self, name: str) -> "StoreFolder":
        return StoreFolder(f"{self.url}/{name}", self.storage)

    def __str__(self) -> str:
        return self.url


def place_of(url: str, storage: StorageSettings) -> "Place":
    """The folder of a URL; `file:///mnt/cold` is a folder of this machine."""
    return Path(url.removeprefix("file://")) if url.startswith("file://") else StoreFolder(url, storage)


#: Where something lies: on this machine's disks, or in a store.
Place = Path | StoreFolder

#: Lakes in a store by their URL, for Feast: it writes its configuration out as JSON, where credentials must not be.
LAKES: dict[str, StoreFolder] = {}
