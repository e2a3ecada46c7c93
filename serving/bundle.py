"""What serving asks of a bundle, and where bundles come from."""

import gc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.settings import Settings
from models.index import Rest


class Bundle(Protocol):
    """One release in memory; `models.bundle.Bundle` is the one there is."""

    @property
    def release(self) -> str:
        """Id of the release."""

    @property
    def manifest(self) -> Any:
        """What it was made from: `homefeed.manifest.Manifest`."""

    @property
    def snapshot(self) -> pa.Table:
        """The candidate features as they were when the bundle was made."""

    def refresh(self, snapshot: pa.Table, time: datetime, rest: Rest | None = None) -> None:
        """Know the videos of a newer snapshot, and no others; `time` is the end of its window. `rest` is called between
        small steps of the work, None where no page waits for it."""

    def forget(self) -> None:
        """Forget what only an earlier snapshot needs: no request that began with it is left."""

    def query(self, user: Mapping[str, Any], time: datetime) -> NDArray[np.float32]:
        """The viewer's vector."""

    def search(self, vector: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Keys and scores of the `k` nearest videos."""

    def similar(self, videos: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Keys [n] of at most `k` videos most like each of `videos` [m], and the place [n] there of the one that each
        is like."""

    def score(
        self,
        user: Mapping[str, Any],
        candidates: Mapping[str, Any],
        context: Mapping[str, Any],
        beside: Executor | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """Head -> [n], calibrated; `beside` ranks a part of the candidates beside the calling thread."""

    def inputs(self, user: Mapping[str, Any], candidates: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """What the ranker reads for `score`: `models.ranking.examples.Inputs`."""

    def recalibrate(self, adjustment: Any) -> None:
        """Answer with another `models.ranking.adjustment.Adjustment` from now on."""

    def value(self, heads: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """[n], the worth of showing each candidate."""


#: Loads the bundle of a release and warms it up; what is given is called between small steps when pages are answered
#: meanwhile. Raises HomefeedError when the bundle cannot be served.
BundleLoader = Callable[[Settings, str, Rest | None], Bundle]


def load_bundle(settings: Settings, release: str, rest: Rest | None = None) -> Bundle:
    """The bundle of `release` from the model store. ScaNN is imported here, once, off the response path."""
    import scann  # noqa: F401

    from models.bundle import load_bundle as load

    if not settings.shards.addresses:
        return load(settings, release, rest=rest)
    from serving.shards import RemoteShards

    shards = RemoteShards(settings, release)
    shards.wait()
    return load(settings, release, shards, rest)


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the garbage collector back while a service loads its first release, and leave out of its rounds what is
    there then: all that was imported. A full round over it keeps every page waiting for a quarter of a second and more.
    """
    gc.disable()
    try:
        yield
    finally:
        # What it took to load is gone with it.
        gc.collect()
        gc.freeze()
        gc.enable()
