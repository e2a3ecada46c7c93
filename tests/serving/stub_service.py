"""The real service in a process of its own, with stub bundles: `python stub_service.py --fd N --follow-stdin`.

A bundle is a file `<release>` in `var/bentoml/stubs`; one that reads `damaged` is refused, as a real one would be.
While there is a file `var/disk-is-busy`, the disk takes no event and refuses none. Files `var/viewer-slow`,
`var/viewer-gone`, `var/recent-slow`, `var/recent-gone`, `var/two-tower-fails` and `var/ranker-fails` break a part.
"""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import serving.bundle
import serving.recent_store
import serving.viewer
from homefeed.errors import HomefeedError
from homefeed.ingest.event_log import EventLog
from homefeed.settings import Settings


def load_stub(settings: Settings, release: str, rest: Any) -> Any:
    """A stub bundle over the newest snapshot; loading takes a while, as it does in life."""
    from tiny_site import StubBundle

    from serving.snapshot import Snapshot

    if (settings.bundles_path / "stubs" / release).read_text() == "damaged":
        raise HomefeedError(f"bundle {release} was altered")

    class Breakable(StubBundle):
        def _fail(self, part: str) -> None:
            if (settings.var / {"query": "two-tower-fails", "score": "ranker-fails"}.get(part, "-")).exists():
                raise RuntimeError(f"{part} is broken on purpose")

    time.sleep(0.3)
    return Breakable(release, Snapshot.read(max(settings.snapshots_path.glob("*.arrow"))).table)


def unwell(read: Any, var: Path, name: str) -> Any:
    """A store's read that is slow or broken while the file for it is there."""

    def wait_and_read(user: Any) -> Any:
        if (var / f"{name}-slow").exists():
            time.sleep(0.5)
        if (var / f"{name}-gone").exists():
            raise ConnectionError("gone on purpose")
        return read(user)

    return wait_and_read


def busy_disk(append: Any) -> Any:
    """`EventLog.append` on a disk that takes its time."""

    def wait_and_append(log: Any, lines: Any, arrival: Any) -> None:
        while (log.path.parent / "disk-is-busy").exists():
            time.sleep(0.01)
        append(log, lines, arrival)

    return wait_and_append


if __name__ == "__main__":
    EventLog.append = busy_disk(EventLog.append)  # type: ignore[method-assign]
    serving.bundle.load_bundle = load_stub
    serving.viewer.open_online_store = lambda settings: unwell(lambda user: {"known": False}, settings.var, "viewer")
    open_recent = serving.recent_store.open_recent_store

    def open_unwell(settings: Settings) -> Any:
        store = open_recent(settings)
        store.read = unwell(store.read, settings.var, "recent")  # type: ignore[method-assign]
        return store

    serving.recent_store.open_recent_store = open_unwell
    from serving.__main__ import main

    main()
