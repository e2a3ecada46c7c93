"""Request features, on numbers that can be checked by hand."""

import numpy as np
import pyarrow as pa
import pytest

from homefeed.features import REQUEST_FEATURES
from homefeed.ids import key
from models.history import padded, string_keys
from models.request_features import NEVER_H, request_features

HOUR = 3_600_000_000
NOW = 100 * 24 * HOUR + 6 * HOUR


def viewers(**changed):
    columns = {
        "time": np.array([NOW]),
        "language": np.array([5]),
        "history_times": np.array([[0, NOW - 3 * HOUR, NOW - 2 * HOUR]]),
        "history_fractions": np.array([[0, 0.25, 0.75]], np.float32),
        "history_topics": np.array([[0, 11, 12]]),
        "history_channels": np.array([[0, 21, 21]]),
        "history_languages": np.array([[0, 5, 6]]),
        "subscribed_channels": np.array([[22, 23, 0]]),
        "subscribed_topics": np.array([[12, 13, 0]]),
    }
    return columns | changed


def candidates():
    return {
        "uploaded": np.array([NOW - 5 * HOUR, NOW + HOUR]),
        "duration_s": np.array([60.0, 600.0]),
        "topic": np.array([12, 0]),
        "side_topics": np.array([[11, 13, 0], [11, 12, 0]]),
        "channel": np.array([21, 22]),
        "language": np.array([5, 0]),
    }


def test_every_feature_is_there_with_a_value_per_candidate() -> None:
    features = request_features(viewers(), candidates())
    assert tuple(features) == REQUEST_FEATURES
    assert all(f.shape == (2,) and f.dtype == np.float32 for f in features.values())


def test_values_by_hand() -> None:
    features = request_features(viewers(), candidates())
    # Six in the morning is a quarter of the day.
    assert features["hour_sin"] == pytest.approx([1, 1], abs=1e-5)
    assert features["video_age_h"] == pytest.approx([5, 0])
    assert features["since_last_watch_h"] == pytest.approx([2, 2])
    assert features["history_size"].tolist() == [2, 2]
    assert features["user_topic_affinity"] == pytest.approx([0.75, 0])
    # A quarter went to topic 11 and three to 12; nothing to 13, and what pads the topics is none.
    assert features["user_side_topic_affinity"] == pytest.approx([0.25, 1])
    assert features["user_channel_affinity"] == pytest.approx([1, 0])
    assert features["user_language_affinity"] == pytest.approx([0.25, 0])
    # One of the two subscribed channels is about the first candidate's topic; the second candidate has none.
    assert features["subscribed_topic_share"] == pytest.approx([0.5, 0])
    assert features["same_language"].tolist() == [1, 0]
    assert features["is_subscribed"].tolist() == [0, 1]


def test_a_viewer_without_history() -> None:
    nobody = viewers(
        history_times=np.zeros((1, 3), np.int64),
        language=np.array([0]),
        subscribed_channels=np.zeros((1, 1), np.int64),
        subscribed_topics=np.zeros((1, 1), np.int64),
    )
    features = request_features(nobody, candidates())
    assert features["since_last_watch_h"].tolist() == [NEVER_H] * 2
    for name in ("history_size", "same_language", "is_subscribed", "subscribed_topic_share"):
        assert features[name].tolist() == [0, 0]
    for kind in ("topic", "side_topic", "channel", "language"):
        assert features[f"user_{kind}_affinity"].tolist() == [0, 0]


def test_a_watch_at_the_time_of_the_request_or_later_does_not_count() -> None:
    features = request_features(viewers(history_times=np.array([[0, NOW, NOW + 1]])), candidates())
    assert features["history_size"].tolist() == [0, 0]
    assert features["user_channel_affinity"].tolist() == [0, 0]


def test_a_watched_video_of_no_topic_matches_none() -> None:
    features = request_features(viewers(history_topics=np.array([[0, 0, 0]])), candidates())
    for kind in ("topic", "side_topic"):
        assert features[f"user_{kind}_affinity"].tolist() == [0, 0]


def test_no_candidates() -> None:
    none = {name: column[:0] for name, column in candidates().items()}
    assert all(f.shape == (0,) for f in request_features(viewers(), none).values())


def test_one_viewer_for_all_equals_the_viewer_repeated() -> None:
    repeated = {name: np.repeat(column, 2, axis=0) for name, column in viewers().items()}
    once, twice = request_features(viewers(), candidates()), request_features(repeated, candidates())
    for name in REQUEST_FEATURES:
        np.testing.assert_array_equal(once[name], twice[name])


def test_padded_keeps_the_newest_on_the_right() -> None:
    lists = pa.chunked_array([pa.array([[1, 2, 3], [], None]), pa.array([[4]])], pa.list_(pa.int64()))
    assert padded(lists, 2, np.int64).tolist() == [[2, 3], [0, 0], [0, 0], [0, 4]]
    assert padded(lists.slice(3), 2, np.int64).tolist() == [[0, 4]]


def test_padded_of_a_slice_of_an_array() -> None:
    assert padded(pa.array([[9], [1, 2], [3]]).slice(1), 2, np.int64).tolist() == [[1, 2], [0, 3]]


def test_string_keys_are_the_keys_of_ids_and_zero_when_unknown() -> None:
    assert string_keys(["en", None, "", "en"]).tolist() == [key("en"), 0, 0, key("en")]
    assert string_keys(np.array(["de"], object)).tolist() == [key("de")]
    assert string_keys(pa.array([], pa.string())).tolist() == []
