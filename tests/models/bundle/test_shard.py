"""Shards of a real bundle, each opened by itself: together they are the index, each follows its part of the site."""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import numpy as np
import pyarrow as pa
import pytest

from homefeed import windows
from homefeed.clock import set_clock
from homefeed.ids import key
from homefeed.registry import Stage, open_registry
from homefeed.settings.environment import environment
from models.bundle import BundleError, build_bundle, load_bundle
from models.bundle.shard import load_bundle_shard
from models.index import merged, shard_of
from serving.process import start

pytestmark = pytest.mark.slow
SHARDS = 2
NOW = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def sharded(release, tmp_path_factory):
    """The release built again with an index in shards."""
    import shutil

    index = release.settings.index.model_copy(update={"num_shards": SHARDS})
    settings = release.settings.model_copy(update={"index": index})
    retrieval = settings.models_path / f"{release.retrieval.parent.name}-sharded" / release.retrieval.name
    shutil.copytree(release.retrieval, retrieval, ignore=shutil.ignore_patterns("index"))
    return replace(release, settings=settings, id=build_bundle(settings, retrieval, release.ranking))


def test_the_shards_of_a_bundle_find_together_what_its_index_finds(sharded) -> None:
    bundle = load_bundle(sharded.settings, sharded.id)
    shards = [load_bundle_shard(sharded.settings, sharded.id, number, SHARDS) for number in range(SHARDS)]
    query = np.random.default_rng(2).normal(size=bundle.vectors.shape[1]).astype(np.float32)
    found = merged([shard.index.search(query, 100) for shard in shards], 100)
    assert found[0].tolist() == bundle.search(query, 100)[0].tolist()

    # An upload is in the shard that its key names, and a withdrawn video in none.
    snapshot = bundle.snapshot
    uploads = pa.array([key(f"upload-{number}") for number in range(8)])
    copies = snapshot.slice(0, 8).set_column(snapshot.schema.get_field_index("video"), "video", uploads)
    later = pa.concat_tables([snapshot.slice(1), copies]).sort_by("video")
    for shard in shards:
        shard.refresh(later, NOW)
    bundle.refresh(later, NOW)
    keys = later.column("video").to_numpy()
    for shard in shards:
        assert shard.index.keys.tolist() == np.sort(keys[shard_of(keys, SHARDS) == shard.number]).tolist()
    found = merged([shard.index.search(query, 400) for shard in shards], 400)
    assert found[0].tolist() == bundle.search(query, 400)[0].tolist()


def test_a_bundle_with_another_number_of_shards_is_refused(release) -> None:
    with pytest.raises(BundleError, match="has 1 shards and there are 4 services; set HOMEFEED_INDEX__NUM_SHARDS=4"):
        load_bundle_shard(release.settings, release.id, 0, 4)


def test_pages_of_a_service_whose_shards_are_services(sharded, tmp_path) -> None:
    now = windows.end(windows.shift(sharded.windows[-1], 1))
    set_clock(tmp_path / "clock", now)
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(SHARDS)]
    addresses = ",".join(f"127.0.0.1:{each.getsockname()[1]}" for each in listening)
    # A busy machine must not cut pages short.
    settings = sharded.settings.model_copy(
        update={
            "clock_file": tmp_path / "clock",
            "registry_url": f"sqlite:///{tmp_path / 'registry.db'}",
            "serving": sharded.settings.serving.model_copy(update={"deadline_ms": 20_000.0, "viewer_timeout_s": 1.0}),
            "shards": sharded.settings.shards.model_copy(update={"addresses": addresses, "deadline_ms": 10_000.0}),
        }
    )
    registry = open_registry(settings.resolved_registry_url)
    registry.add_release(sharded.id, sharded.id, now, {})
    registry.move(sharded.id, Stage.LIVE, now, [])
    with ExitStack() as running:
        for number, each in enumerate(listening):
            command = [
                sys.executable,
                "-m",
                "serving.shard_service",
                "--shard",
                str(number),
                "--fd",
                str(each.fileno()),
            ]
            variables = {**os.environ, **environment(settings)}
            process = subprocess.Popen(command, env=variables, pass_fds=[each.fileno()])
            each.close()
            running.callback(process.wait)
            running.callback(process.terminate)
        service = running.enter_context(start(settings, 0))
        client = running.enter_context(httpx.Client(base_url=service.url, timeout=60))
        state = client.get("/release").json()
        assert (state["live"]["release"], state["failed"]) == (sharded.id, {})
        page = client.post("/recommend", json={"user": "viewer-3", "explain": True}).json()
        assert (page["release"], page["degraded"], len(page["videos"])) == (sharded.id, [], 100)
        assert {video["source"] for video in page["videos"]} >= {"two_tower", "more_like"}
        shown = client.get("/metrics").text
        assert 'homefeed_shard_seconds_count{shard="1"}' in shown
        assert "homefeed_shards_missed_total{" not in shown
