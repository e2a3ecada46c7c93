"""Features in the serving log, for the gate on training/serving parity."""

import numpy as np
from tiny_site import WINDOW, table

from homefeed import ids, serving_log
from homefeed.features import DENSE_FEATURES
from homefeed.snapshot_versions import with_versions
from serving.request import PageRequest

NOW_WINDOW = "20261123T2200Z"


def logged(world):
    return serving_log.read(world.settings.serving_path, "features", NOW_WINDOW, NOW_WINDOW).to_pylist()


def test_a_page_logs_five_candidates_with_the_viewer_and_the_versions(world, open_feed):
    world.publish(with_versions(table(400), {"video_aggregates": 7}))
    world.release("r1")
    world.viewers["v1"] = {"known": True, "country": "DE", "history_videos": [5], "history_times": [9]}
    world.viewers["v1"] |= {"history_fractions": [0.1]}
    feed = open_feed(feature_share=1.0)
    feed.recommend(PageRequest(user="v1", device="tv"))
    feed.close()
    (row,) = logged(world)
    assert (row["user"], row["release"], row["device"], row["country"]) == ("v1", "r1", "tv", "DE")
    assert (row["window"], row["versions"]) == (WINDOW, '{"video_aggregates": 7}')
    assert (row["history_videos"], row["history_fractions"]) == ([5], [float(np.float32(0.1))])
    assert len(row["videos"]) == len(row["dense"]) == 5
    assert {len(vector) for vector in row["dense"]} == {len(DENSE_FEATURES)}
    watches = {ids.key(f"video-{i:04}"): 400.0 - i for i in range(400)}
    assert [vector[0] for vector in row["dense"]] == [watches[video] for video in row["videos"]]


def test_without_a_share_nothing_is_logged(world, open_feed):
    world.release("r1")
    feed = open_feed(feature_share=0.0)
    feed.recommend(PageRequest(user="v1"))
    feed.close()
    assert logged(world) == []


def test_features_that_cannot_be_logged_cost_the_page_nothing(world, open_feed, caplog):
    world.release("r1")
    feed = open_feed(feature_share=1.0)
    world.bundles["r1"].broken.add("inputs")
    assert len(feed.recommend(PageRequest(user="v1"))["videos"]) == 100
    feed.close()
    assert logged(world) == []
    assert "could not be logged" in caplog.text
