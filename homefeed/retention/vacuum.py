"""Files of old table versions go, unless a kept release was trained on one."""

from collections.abc import Iterable

from homefeed.lake import open_lake
from homefeed.manifest import Manifest
from homefeed.settings import Settings


def vacuum(settings: Settings, kept: Iterable[Manifest]) -> dict[str, int]:
    """Delete files of every table that neither its newest days nor any of `kept` needs.

    Args:
      settings: names the lake, and how old a version is before it may go.
      kept: manifests of every bundle that is kept: each can be trained again on what it saw.

    Returns:
      Files that are gone, by table, those of the last days counted again; tables without any are left out.
    """
    lake = open_lake(settings.lake_path)
    needed: dict[str, set[int]] = {}
    for manifest in kept:
        for table, version in manifest.lake_versions.items():
            if version >= 0:
                needed.setdefault(table, set()).add(version)
    deleted = {}
    for table in lake.schemas:
        gone = lake.vacuum(table, settings.retention.vacuum_hours, sorted(needed.get(table, ())))
        if gone:
            deleted[table] = len(gone)
    return deleted
