"""The real service in a process of its own, with stub bundles: `python stub_service.py --fd N --follow-stdin`.

A bundle is a file `<release>` in `var/bentoml/stubs`; one that reads `damaged` is refused, as a real one would be.
While there is a file `var/disk-is-busy`, the disk takes no event and refuses none.
"""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import serving.bundle
import serving.viewer
from homefeed.errors import HomefeedError
from homefeed.ingest.event_log import EventLog
from homefeed.settings import Settings


def load_stub(settings: Settings, release: str) -> Any:
    """A stub bundle over the newest snapshot; loading takes a while, as it does in life."""
    from tiny_site import StubBundle

    from serving.snapshot import Snapshot

    if (settings.bundles_path / "stubs" / release).read_text() == "damaged":
        raise HomefeedError(f"bundle {release} was altered")
    time.sleep(0.3)
    return StubBundle(release, Snapshot.read(max(settings.snapshots_path.glob("*.arrow"))).table)


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
    serving.viewer.open_online_store = lambda settings: lambda user: {"known": False}
    from serving.__main__ import main

    main()
