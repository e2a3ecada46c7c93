"""What a process beside the service computes of a snapshot is what this one would."""

import gc
import weakref
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.bundle import Bundle, BundleError, load_bundle
from models.bundle.beside import prepare_beside, vectors_beside
from models.bundle.candidate_vectors import new_vectors
from models.bundle.preparation import Prepared, prepare

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)


@pytest.fixture
def bundle(release) -> Bundle:
    return load_bundle(release.settings, release.id)


def nothing() -> None:
    """A rest that is none."""


def test_it_says_the_same_as_this_process_and_lets_it_rest_meanwhile(bundle: Bundle) -> None:
    rests: list[None] = []
    missing = bundle.videos[:7]
    made = prepare_beside(bundle.path, bundle.snapshot, missing, NOW, lambda: rests.append(None))
    here = prepare(bundle._graphs, bundle.snapshot, missing, NOW)
    for name, mine, theirs in zip(Prepared._fields, here, made, strict=True):
        assert mine.dtype == theirs.dtype, name
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5, err_msg=name)
    assert sorted(made.new) == sorted(missing)
    assert len(rests) > 10


def test_vectors_alone_are_the_same_too(bundle: Bundle) -> None:
    missing = bundle.videos[3:5]
    keys, vectors = vectors_beside(bundle.path, bundle.snapshot, missing, NOW, nothing)
    expected, there = new_vectors(bundle._graphs.towers, bundle.snapshot, missing, NOW)
    np.testing.assert_array_equal(keys, expected)
    np.testing.assert_allclose(vectors, there, rtol=1e-4, atol=1e-5)


def test_an_empty_snapshot_is_prepared_as_well(bundle: Bundle) -> None:
    made = prepare(bundle._graphs, bundle.snapshot.slice(0, 0), bundle.videos[:0], NOW)
    assert [len(array) for array in made] == [0] * len(Prepared._fields)
    assert len(made.table) == 0


def test_a_bundle_told_beside_pages_finds_and_ranks_as_one_told_at_the_start(bundle: Bundle, release) -> None:
    other = load_bundle(release.settings, release.id, rest=nothing)
    for one, rest in ((bundle, None), (other, nothing)):
        one.refresh(bundle.snapshot.slice(0, 250), NOW)
        one.forget()
        # Fifty come back: their vectors are computed anew.
        one.refresh(bundle.snapshot, NOW, rest)
    keys = bundle.snapshot.column("video").to_numpy()
    np.testing.assert_allclose(bundle.index.take(keys), other.index.take(keys), rtol=1e-4, atol=1e-5)
    # In this process no graph was loaded for it.
    assert other._graphs._loaded == {}
    assert set(bundle._graphs._loaded) == {"ranker", "towers"}


def test_a_process_that_fails_is_told_of_with_what_it_said_and_nothing_changes(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BundleError, match=r"failed with code 1: KeyError: .*channel_watches_1h"):
        bundle.refresh(bundle.snapshot.drop_columns(["channel_watches_1h"]), NOW, nothing)
    assert not bundle._catalogues[0].is_prepared
    assert "Traceback" in caplog.text


def test_one_that_takes_too_long_is_ended(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.bundle.beside._MOST_S", 0.0)
    with pytest.raises(BundleError, match="took more than 0 s"):
        bundle.refresh(bundle.snapshot, NOW, nothing)


def test_it_is_ended_when_the_service_is_to_stop(bundle: Bundle) -> None:
    class StopError(Exception):
        pass

    def stop() -> None:
        raise StopError

    with pytest.raises(StopError):
        bundle.refresh(bundle.snapshot, NOW, stop)
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(bundle.path).encode() in p.read_bytes()]


def test_a_bundle_that_is_dropped_leaves_the_memory_without_the_collector(
    bundle: Bundle, release, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = prepare(bundle._graphs, bundle.snapshot, bundle.videos[:0], NOW)
    monkeypatch.setattr("models.bundle.bundle.prepare_beside", lambda *_: made)
    gc.disable()
    try:
        one = load_bundle(release.settings, release.id, rest=nothing)
        one.refresh(one.snapshot, NOW, nothing)
        parts = [weakref.ref(part) for part in (one, one.index, one._scores, one._query, one._catalogues[0])]
        del one
        assert [part() for part in parts] == [None] * len(parts)
    finally:
        gc.enable()
