"""Shards of a real bundle, each opened by itself: together they are the index, each follows its part of the site."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from homefeed.ids import key
from models.bundle import BundleError, build_bundle, load_bundle
from models.bundle.shard import BundleShard, load_bundle_shard
from models.index import merged, shard_of

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


def test_a_bundle_whose_shards_are_elsewhere_opens_no_index_of_its_own(sharded) -> None:
    class Elsewhere:
        """Shards as `serving.shards.RemoteShards` has them: they follow the snapshots by themselves."""

        def __init__(self, parts: list[BundleShard]) -> None:
            self.parts = parts

        def search(self, query, k):
            return merged([part.index.search(query, k) for part in self.parts], k)

        def take(self, keys):
            return np.concatenate([part.index.take(keys) for part in self.parts])

        def hold(self, wanted, vectors_of):
            from models.index import Change

            return Change()

    here = load_bundle(sharded.settings, sharded.id)
    elsewhere = Elsewhere([load_bundle_shard(sharded.settings, sharded.id, n, SHARDS) for n in range(SHARDS)])
    bundle = load_bundle(sharded.settings, sharded.id, elsewhere)
    assert bundle.index is elsewhere
    seeds = here.videos[:2]
    assert bundle.similar(seeds, 20)[0].tolist() == here.similar(seeds, 20)[0].tolist()
    bundle.refresh(here.snapshot, NOW)
