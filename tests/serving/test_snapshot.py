import numpy as np
import pytest
from tiny_site import table, video_id, write_snapshot

from homefeed import ids
from serving.snapshot import Snapshot, SnapshotError


def names(snapshot, rows):
    return [int(name[-4:]) for name in snapshot.table.column("video_id").take(rows).to_pylist()]


def test_an_empty_snapshot_has_no_rows():
    empty = Snapshot("20261123T2150Z", table(3).slice(0, 0))
    assert len(empty) == 0
    assert len(empty.rows_of(np.array([1, 2]))) == 0
    assert len(empty.trending) == 0
    assert len(empty.of_channels(np.array([7]), 3)) == 0


def test_orders_follow_watches_and_upload_times():
    # Video i has 50 - i watches in 24 h and was uploaded i hours ago; video 9 got 5 in the last 10 minutes: 30 an hour.
    snapshot = Snapshot("w", table(50, video_watches_10m={9: 5.0}))
    assert names(snapshot, snapshot.trending[:4]) == [9, 0, 1, 2]
    assert names(snapshot, snapshot.newest[:4]) == [0, 1, 2, 3]
    at_9 = snapshot.rows_of(np.array([ids.key(video_id(9))]))
    assert snapshot.trending_score[at_9][0] == pytest.approx(30 + 41 / 24)


def test_rows_of_unknown_keys_are_left_out():
    snapshot = Snapshot("w", table(5))
    keys = np.array([ids.key("nobody's"), ids.key(video_id(3)), -1, 2**62, ids.key(video_id(1))])
    assert names(snapshot, snapshot.rows_of(keys)) == [3, 1]


def test_newest_videos_of_channels():
    # Video i belongs to channel i % 20, so channel-03 has 3, 23, 43 and channel-04 has 4, 24, 44.
    snapshot = Snapshot("w", table(60))
    channels = np.array([ids.key("channel-03"), ids.key("channel-04"), ids.key("no such channel")])
    assert sorted(names(snapshot, snapshot.of_channels(channels, 2))) == [3, 4, 23, 24]


def test_countries():
    snapshot = Snapshot("w", table(4, countries={1: ["DE", "AT"], 2: ["FR"], 3: None}))
    allowed = {c: sorted(names(snapshot, np.flatnonzero(snapshot.allowed_in(c)))) for c in ("DE", "FR", "US", "")}
    assert allowed == {"DE": [0, 1, 3], "FR": [0, 2, 3], "US": [0, 3], "": [0, 3]}


def test_what_is_missing_is_unknown_not_an_error():
    snapshot = Snapshot("w", table(3, language={0: None}, min_age={1: None}, topic={2: None}))
    assert set(snapshot.columns["language"][:]) == {"en", ""}
    assert snapshot.columns["min_age"].tolist() == [0, 0, 0]


def test_a_snapshot_out_of_order_is_refused(tmp_path):
    with pytest.raises(SnapshotError, match="not sorted by video"):
        Snapshot("w", table(5).take([1, 0, 2, 3, 4]))
    (tmp_path / "w.arrow").write_bytes(b"no arrow file")
    with pytest.raises(SnapshotError, match="cannot be read"):
        Snapshot.read(tmp_path / "w.arrow")


def test_a_snapshot_outlives_its_file(tmp_path):
    file = write_snapshot(tmp_path, table(10))
    snapshot = Snapshot.read(file)
    file.unlink()
    assert names(snapshot, snapshot.newest[:2]) == [0, 1]
