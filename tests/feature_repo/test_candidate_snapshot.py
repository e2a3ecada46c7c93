"""The catalogue and the snapshot of candidate features."""

import pyarrow as pa
import pytest

from feature_repo.aggregates import publish_aggregates
from feature_repo.catalogue import catalogue
from feature_repo.snapshot import newest_snapshot, write_snapshot
from homefeed import ids
from homefeed.features import aggregate_columns
from homefeed.settings import load
from tests.feature_repo.conftest import HandmadeSite, at, window


def test_an_empty_site_has_an_empty_catalogue_and_snapshot(site: HandmadeSite) -> None:
    assert catalogue(site.settings).num_rows == 0
    assert newest_snapshot(site.settings) is None
    path = write_snapshot(site.settings, window("22:00"))
    assert pa.ipc.open_file(path).read_all().num_rows == 0
    assert newest_snapshot(site.settings) == path


def test_the_newest_row_of_a_video_counts_and_a_withdrawn_one_is_gone(site: HandmadeSite) -> None:
    site.video("a", title="old", clock="1:00")
    site.video("a", title="new", clock="2:00")
    site.video("b", clock="1:00")
    site.video("b", clock="3:00", withdrawn=True)
    site.commit()
    assert catalogue(site.settings).column("title").to_pylist() == ["new"]
    assert sorted(catalogue(site.settings, withdrawn=True).column("video_id").to_pylist()) == ["a", "b"]
    assert catalogue(site.settings, until=at("2:30")).num_rows == 2
    assert catalogue(site.settings, until=at("1:30")).column("title").to_pylist().count("old") == 1


def test_a_video_is_there_from_its_upload_on(site: HandmadeSite) -> None:
    site.video("a", clock="1:00", uploaded=at("2:00"))
    site.commit()
    assert catalogue(site.settings, until=at("1:59:59")).num_rows == 0
    assert catalogue(site.settings, until=at("2:00")).num_rows == 1


def test_a_catalogue_can_be_read_as_it_was(site: HandmadeSite) -> None:
    site.video("a")
    site.commit()
    version = site.lake.version("videos")
    site.video("b")
    site.commit()
    assert catalogue(site.settings, versions={"videos": version}).num_rows == 1
    assert catalogue(site.settings, versions={"videos": -1}).num_rows == 0


def test_a_snapshot_holds_every_video_sorted_with_the_sums_at_the_end_of_its_window(site: HandmadeSite) -> None:
    site.video("a", channel="c", topics=["music", "live"])
    site.video("b", channel="c", topics=["games"])
    site.video("c", channel="d", topics=[])
    site.impression("u", "a", "20:00")
    site.watch("u", "a", "21:55", seconds=7)
    site.impression("u", "b", "22:05")
    publish_aggregates(site.settings, site.commit())
    table = pa.ipc.open_file(write_snapshot(site.settings, window("21:50"))).read_all()
    assert table.column("video").to_pylist() == sorted(ids.key(v) for v in "abc")
    rows = {row["video_id"]: row for row in table.to_pylist()}
    assert rows["a"]["video_impressions_24h"] == 1
    assert rows["a"]["video_impressions_1h"] == 0
    assert rows["a"]["video_watch_s_10m"] == 7
    assert rows["b"]["channel_watches_1h"] == 1
    assert rows["b"]["video_impressions_10m"] == 0  # shown only after the end of the window
    assert (rows["a"]["topic"], rows["a"]["topics"], rows["c"]["topic"]) == ("music", ["music", "live"], None)
    for entity in ("video", "channel", "topic"):
        for column in aggregate_columns(entity):
            assert table.schema.field(column).type == pa.float32()
            assert table.column(column).null_count == 0
            assert rows["c"][column] == 0


def test_a_snapshot_can_be_mapped_into_memory(site: HandmadeSite) -> None:
    site.video("a")
    site.commit()
    with pa.memory_map(str(write_snapshot(site.settings, window("22:00")))) as source:
        before = pa.total_allocated_bytes()
        table = pa.ipc.open_file(source).read_all()
        assert pa.total_allocated_bytes() == before, "columns were copied: the file is compressed"
        assert table.num_rows == 1


@pytest.mark.parametrize("kept", [1, 3])
def test_only_the_newest_snapshots_are_kept(site: HandmadeSite, kept: int) -> None:
    few = load(var=site.settings.var, features={"kept_snapshots": kept})
    for minute in (30, 0, 10, 20):
        write_snapshot(few, window(f"22:{minute:02d}"))
    names = sorted(path.stem for path in few.snapshots_path.iterdir())
    assert names == [window(f"22:{m}") for m in ("00", "10", "20", "30")][-kept:]
    newest = newest_snapshot(few)
    assert newest is not None
    assert newest.stem == window("22:30")
