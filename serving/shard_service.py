"""`python -m serving.shard_service --shard N`: one shard of the index of every release in service, over HTTP.

It looks at the registry and the snapshots as the service does, loads its part of each release's index, and keeps it to
the newest catalogue. It listens on its own address of `shards.addresses`.
"""

import argparse
import logging
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from homefeed.errors import HomefeedError
from homefeed.registry import open_registry
from homefeed.settings import Settings, load
from serving.fleet import Releases
from serving.guard import Guard
from serving.making import Making
from serving.metrics import REFRESH_FAILURES
from serving.shard_app import shard_app
from serving.shards import addresses_of
from serving.snapshot import Snapshot

if TYPE_CHECKING:
    from models.index import Rest
    from serving.bundle import BundleLoader

_logger = logging.getLogger(__name__)


def load_part(settings: Settings, release: str, number: int, num_shards: int, rest: "Rest | None") -> Any:
    """This shard of a release: `models.bundle.shard.BundleShard`. ScaNN is imported here."""
    from models.bundle.shard import load_bundle_shard

    return load_bundle_shard(settings, release, number, num_shards, rest)


class ShardReleases:
    """The shard of each release in memory, kept in step by one thread."""

    def __init__(self, settings: Settings, number: int, num_shards: int) -> None:
        def part(settings: Settings, release: str, rest: "Rest | None") -> Any:
            return load_part(settings, release, number, num_shards, rest)

        self.ready = threading.Event()
        self._settings, self._snapshot = settings, cast("Snapshot | None", None)
        #: Searches that are being made: loading gives way to them.
        self.searches = Making()
        registry = open_registry(settings.resolved_registry_url)
        # Releases asks nothing of a bundle but its release, `refresh` and `forget`.
        self._releases = Releases(settings, registry, cast("BundleLoader", part), self.searches.is_any)
        self._indexes: dict[str, Any] = {}
        self._until: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_fresh, name="refresh", daemon=True)

    def indexes(self) -> dict[str, Any]:
        """Release -> its shard of the index; also of releases that replicas may still answer with."""
        return self._indexes

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()

    def _keep_fresh(self) -> None:
        while True:
            try:
                self._look()
            except Exception:  # what is there goes on; the next look comes soon
                REFRESH_FAILURES.labels(part="shard").inc()
                _logger.warning("refreshing the shard failed", exc_info=True)
            self.ready.set()
            if self._stop.wait(self._settings.serving.poll_s):
                return

    def _look(self) -> None:
        files = sorted(self._settings.snapshots_path.glob("*.arrow"))
        if files and (self._snapshot is None or self._snapshot.window != files[-1].stem):
            self._snapshot = Snapshot.read(files[-1])
        self._releases.tell(self._snapshot)
        self._releases.refresh()
        now, named = time.monotonic(), self._releases.bundles
        self._until |= dict.fromkeys(named, now + self._settings.shards.keep_s)
        kept = {name: index for name, index in self._indexes.items() if now < self._until[name]}
        self._indexes = kept | {name: cast(Any, bundle).index for name, bundle in named.items()}
        self._until = {name: self._until[name] for name in self._indexes}


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(prog="python -m serving.shard_service", description=__doc__)
    parser.add_argument("--shard", type=int, required=True, help="number of the shard, from 0")
    parser.add_argument("--host", help="address to listen on, instead of its own of HOMEFEED_SHARDS__ADDRESSES")
    parser.add_argument("--fd", type=int, help="an inherited, bound socket to listen on, instead of an address")
    arguments = parser.parse_args()
    settings = load()
    addresses = addresses_of(settings)
    if not 0 <= arguments.shard < len(addresses):
        raise HomefeedError(
            f"there is no shard {arguments.shard}: HOMEFEED_SHARDS__ADDRESSES names {len(addresses)} services"
        )
    host, port = addresses[arguments.shard]
    import uvicorn

    from serving.connections import KEEP_ALIVE_S

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    held = ShardReleases(settings, arguments.shard, len(addresses))
    held.start()
    threads = settings.serving.num_threads
    app = shard_app(arguments.shard, len(addresses), held.indexes, held.ready.is_set, threads, held.searches)
    guarded: Any = Guard(app, max_body=int(settings.serving.max_body_mib * 2**20))
    config = uvicorn.Config(
        guarded,
        host=arguments.host or host,
        port=port,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.serving.graceful_s,
        server_header=False,
    )
    given = None if arguments.fd is None else [socket.socket(fileno=arguments.fd)]
    try:
        uvicorn.Server(config).run(sockets=given)
    finally:
        held.close()


if __name__ == "__main__":
    try:
        main()
    except HomefeedError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
