"""A snapshot is prepared a little at a time, without TensorFlow, to what the graphs of the release say of it."""

import gc
import os
import subprocess
import sys
import weakref
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from homefeed.settings.environment import environment
from models.bundle import Bundle, load_bundle
from models.bundle.candidate_vectors import candidate_vectors, mean_counts, new_vectors
from models.bundle.page_weights import candidate_weights, load_page_weights
from models.bundle.preparation import Prepared, prepare
from models.bundle.store import BundleVersionError
from models.retrieval.moment import moment
from models.retrieval.titles import title_codes
from models.video_table import video_table

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)


@pytest.fixture
def bundle(release) -> Bundle:
    return load_bundle(release.settings, release.id)


def nothing() -> None:
    """A rest that is none."""


def test_it_rests_after_every_step_and_says_the_same_in_any_order(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = load_page_weights(bundle.path).parts
    whole = prepare(parts, bundle.snapshot)
    monkeypatch.setattr("models.bundle.preparation._BLOCK", 7)
    monkeypatch.setattr("models.video_table._BLOCK", 7)
    rests: list[None] = []
    made = prepare(parts, bundle.snapshot, lambda: rests.append(None))
    assert len(rests) > 2 * len(bundle.snapshot) / 7
    for name in Prepared._fields[1:]:
        np.testing.assert_allclose(getattr(made, name), getattr(whole, name), rtol=1e-5, atol=1e-6, err_msg=name)
    for column, expected in vars(whole.table).items():
        np.testing.assert_array_equal(vars(made.table)[column], expected, err_msg=column)
    # Each channel once, and each video at the row of its own.
    channels = bundle.snapshot.column("channel").to_numpy()
    assert len(made.of_channels) == len(np.unique(channels))
    assert len(np.unique(np.stack([channels, made.channel_row]), axis=1).T) == len(made.of_channels)


def test_a_feature_that_is_no_number_is_prepared_as_none(bundle: Bundle) -> None:
    parts, name = load_page_weights(bundle.path).parts, "video_watches_24h"
    place = bundle.snapshot.schema.get_field_index(name)
    values = bundle.snapshot.column(name).to_numpy().copy()

    def with_first(value: float) -> Prepared:
        values[0] = value
        return prepare(parts, bundle.snapshot.set_column(place, name, pa.array(values, pa.float32())))

    np.testing.assert_array_equal(with_first(np.nan).videos, with_first(0.0).videos)
    assert not np.array_equal(with_first(9.0).videos[0], with_first(0.0).videos[0])


def test_an_empty_snapshot_is_prepared_as_well(bundle: Bundle) -> None:
    networks = load_page_weights(bundle.path)
    made = prepare(networks.parts, bundle.snapshot.slice(0, 0))
    assert [len(part) for part in made] == [0] * len(Prepared._fields)
    keys, vectors = new_vectors(networks.candidates, bundle.snapshot.slice(0, 0), bundle.videos[:0], NOW)
    assert len(keys) == len(vectors) == 0


def test_what_answers_pages_never_imports_tensorflow(release) -> None:
    """Seconds of a start, hundreds of megabytes, and a twentieth of every page."""
    code = """
import sys
from datetime import UTC, datetime
import serving.service
from homefeed.settings import load
from models.bundle import load_bundle
bundle = load_bundle(load(), sys.argv[1])
now = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)
bundle.refresh(bundle.snapshot.slice(0, 50), now)
bundle.refresh(bundle.snapshot, now)
assert len(bundle.index) == len(bundle.snapshot)
bundle.similar(bundle.videos[:2], 5)
print(sorted(m for m in sys.modules if m.partition(".")[0] in ("tensorflow", "keras", "tf_keras")))
"""
    run = subprocess.run(
        [sys.executable, "-c", code, release.id],
        env={**os.environ, **environment(release.settings)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.stdout.strip() == "[]", run.stderr[-2000:]


def test_a_bundle_told_in_small_steps_finds_and_ranks_as_one_told_at_once(bundle: Bundle, release) -> None:
    other = load_bundle(release.settings, release.id, rest=nothing)
    for one, rest in ((bundle, None), (other, nothing)):
        one.refresh(bundle.snapshot.slice(0, 250), NOW)
        one.forget()
        # Fifty come back: their vectors are computed anew.
        one.refresh(bundle.snapshot, NOW, rest)
    keys = bundle.snapshot.column("video").to_numpy()
    np.testing.assert_allclose(bundle.index.take(keys), other.index.take(keys), rtol=1e-4, atol=1e-5)
    assert bundle._graphs._loaded == other._graphs._loaded == {}


def test_new_vectors_are_those_that_the_towers_graph_makes(bundle: Bundle) -> None:
    rows = bundle.snapshot.slice(3, 40)
    mean, table = mean_counts(bundle.snapshot), video_table(bundle.snapshot.slice(3, 40))
    keys, vectors = candidate_vectors(load_page_weights(bundle.path).candidates, rows, mean, NOW)
    counts = [rows.column(f"video_watches_{span}").to_numpy() for span in ("1h", "24h", "7d")]
    times = np.full(len(table), round(NOW.timestamp() * 1e6))
    columns = {"video": table.keys, "channel": table.channels, "language": table.languages, "topics": table.topics}
    columns |= {"title": title_codes(table.titles), "duration_s": table.duration_s}
    columns |= {"dynamic": moment(table.uploaded, np.stack(counts, axis=1), mean, times)}
    expected = bundle._graphs.towers.signatures["candidate"](**columns)["output_0"].numpy()
    np.testing.assert_array_equal(keys, table.keys)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_snapshot_that_lacks_a_column_changes_nothing(bundle: Bundle) -> None:
    with pytest.raises(KeyError, match="channel_watches_1h"):
        bundle.refresh(bundle.snapshot.drop_columns(["channel_watches_1h"]), NOW, nothing)
    assert not bundle._catalogues[0].is_prepared


def test_a_training_of_another_version_makes_no_bundle() -> None:
    with pytest.raises(BundleVersionError, match=r"another version of the code: it has no candidate_weights; train it"):
        candidate_weights(SimpleNamespace(signatures={"query": None}))


def test_it_stops_when_the_service_is_to_stop(bundle: Bundle) -> None:
    class StopError(Exception):
        pass

    def stop() -> None:
        raise StopError

    with pytest.raises(StopError):
        bundle.refresh(bundle.snapshot, NOW, stop)
    assert not bundle._catalogues[0].is_prepared


def test_a_bundle_that_is_dropped_leaves_the_memory_without_the_collector(release) -> None:
    gc.disable()
    try:
        one = load_bundle(release.settings, release.id, rest=nothing)
        one.refresh(one.snapshot, NOW, nothing)
        parts = [weakref.ref(part) for part in (one, one.index, *one._networks, one._catalogues[0])]
        del one
        assert [part() for part in parts] == [None] * len(parts)
    finally:
        gc.enable()
