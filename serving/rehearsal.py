"""A rehearsal: the service over the site's own bundles, snapshot and online store, with a registry and logs of its own,
so that what is tried changes no release and is in no log."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from homefeed.lake import open_lake
from homefeed.registry import Stage, open_registry
from homefeed.settings import Settings

#: What a rehearsal reads of the site; the rest of its folder is its own.
_SHARED = ("bundles_path", "calibrations_path", "snapshots_path", "feast_path", "lake_path")


@contextmanager
def rehearsal(settings: Settings, releases: Sequence[str]) -> Iterator[Settings]:
    """Settings of a service in which the last of `releases` is live, and those before it were; nothing is left
    behind."""
    with tempfile.TemporaryDirectory(prefix="homefeed-rehearsal-") as folder:
        var = Path(folder)
        for name in _SHARED:
            path = getattr(settings, name)
            if path.exists():
                (var / path.name).symlink_to(path.absolute())
        own = settings.model_copy(update={"var": var, "registry_url": ""})
        registry, now = open_registry(own.resolved_registry_url), datetime.now(UTC)
        for release in releases:
            registry.add_release(release, release, now, {})
            registry.move(release, Stage.LIVE, now, [], "rehearsal")
        yield own


def some_viewers(settings: Settings, most: int) -> list[str]:
    """Ids of at most so many viewers of the site, drawn at random; one whom nobody knows when there are none."""
    names = open_lake(settings.lake_path).read("users", columns=["user_id"])["user_id"].unique().to_pylist()
    chosen = np.random.default_rng(settings.seed).permutation(len(names))[:most]
    return [names[i] for i in chosen] or ["nobody"]
