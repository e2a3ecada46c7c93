"""Training sets know at each exposure what was known then, and nothing later."""

import pyarrow as pa
import pytest

from feature_repo.aggregates import publish_aggregates
from feature_repo.exposures import publish_exposures
from feature_repo.online import apply
from feature_repo.training_set import TrainingSetError, ranking_examples, watch_sequences
from feature_repo.user_state import publish_user_state
from homefeed import ids
from homefeed.features import ENTITIES, TARGETS, aggregate_columns
from homefeed.lake import LakeError
from homefeed.settings import load
from homefeed.windows import span
from tests.feature_repo.conftest import HandmadeSite, at, window


def publish(site: HandmadeSite) -> None:
    """Every window of the evening, closed."""
    site.commit()
    windows = span(window("20:00"), window("23:00"))
    publish_exposures(site.settings, windows)
    publish_aggregates(site.settings, windows)
    publish_user_state(site.settings, windows)
    apply(site.settings)


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> HandmadeSite:
    """Viewer u sees a, watches it at 22:05, and sees b before and after the watch is part of the features."""
    site = HandmadeSite(load(var=tmp_path_factory.mktemp("evening")))
    site.video("a", channel="c", topics=["music"])
    site.video("b", channel="c", topics=["music"], language="fr")
    site.user("u", "20:00")
    site.impression("u", "a", "22:04")
    site.watch("u", "a", "22:05", seconds=50)
    site.feedback("u", "a", "22:06", "subscribe")
    site.impression("u", "b", "22:09:59")
    site.impression("u", "b", "22:10")
    site.impression("new", "b", "22:15")
    publish(site)
    return site


def test_no_exposures_are_an_empty_set_with_every_column(site: HandmadeSite) -> None:
    publish(site)
    rows = ranking_examples(site.settings, window("22:00"), window("22:10"))
    assert rows.num_rows == 0
    wanted = {"weight", "topic", "channel", "history_videos", *TARGETS}
    assert wanted | {c for e in ENTITIES for c in aggregate_columns(e)} <= set(rows.column_names)


def test_an_exposure_sees_the_past_and_not_its_own_window(evening: HandmadeSite) -> None:
    rows = ranking_examples(evening.settings, window("22:00"), window("22:10")).to_pylist()
    assert [row["time"] for row in rows] == [at(c) for c in ("22:04", "22:09:59", "22:10", "22:15")]
    assert [row["watched"] for row in rows] == [True, False, False, False]
    assert [row["user_watches_1h"] for row in rows] == [0, 0, 1, 0]
    assert [row["topic_watch_s_10m"] for row in rows] == [0, 0, 50, 50]
    assert [row["channel_impressions_24h"] for row in rows] == [0, 0, 2, 2]
    assert [row["video_impressions_24h"] for row in rows] == [0, 0, 1, 1]
    assert [row["history_videos"] for row in rows] == [[], [], [ids.key("a")], None]
    assert [row["subscribed_channels"] for row in rows] == [[], [], [ids.key("c")], None]
    assert [row["country"] for row in rows] == ["DE", "DE", "DE", None]
    assert [(row["language"], row["video_language"]) for row in rows][:2] == [("de", "en"), ("de", "fr")]


def test_a_range_of_windows_is_a_range(evening: HandmadeSite) -> None:
    assert ranking_examples(evening.settings, window("22:10"), window("22:10")).num_rows == 2
    assert ranking_examples(evening.settings, window("23:00"), window("23:10")).num_rows == 0


def test_a_version_that_does_not_exist_is_an_error(evening: HandmadeSite) -> None:
    with pytest.raises(LakeError, match="exposures.*99"):
        ranking_examples(evening.settings, window("22:00"), window("22:10"), {"exposures": 99})


def test_a_sample_keeps_every_reaction_and_weighs_the_misses_it_keeps(site: HandmadeSite) -> None:
    site.video("a")
    for i in range(400):
        site.impression(f"u{i}", "a", "22:00")
    site.watch("u0", "a", "22:01")
    site.feedback("u1", "a", "22:01", "not_interested")
    publish(site)
    rows = ranking_examples(site.settings, window("22:00"), window("22:00"), sample=0.25)
    again = ranking_examples(site.settings, window("22:00"), window("22:00"), sample=0.25)
    assert rows.equals(again)
    assert 60 < rows.num_rows < 140  # 2 + a quarter of 398, five standard deviations around it
    reacted = {row["user"]: row["weight"] for row in rows.to_pylist() if row["watched"] or row["dismissed"]}
    assert reacted == {ids.key("u0"): 1, ids.key("u1"): 1}
    assert set(rows.column("weight").to_pylist()) == {1.0, 4.0}


@pytest.mark.parametrize("sample", [0.0, -1.0, 1.5])
def test_a_sample_is_a_share(site: HandmadeSite, sample: float) -> None:
    with pytest.raises(TrainingSetError, match="not a share"):
        ranking_examples(site.settings, window("22:00"), window("22:00"), sample=sample)


def test_watch_sequences_are_in_order_per_viewer_up_to_a_window(site: HandmadeSite) -> None:
    site.video("a", duration_s=100.0)
    site.video("b", duration_s=10.0)
    site.watch("u", "b", "22:05", seconds=30)
    site.watch("u", "a", "22:01", seconds=25)
    site.watch("u", "a", "22:03", seconds=1)  # too short
    site.watch("u", "stranger", "22:04")
    site.watch("u", "a", "22:10")  # later than asked for
    site.commit()
    rows = watch_sequences(site.settings, window("22:00"))
    assert rows.column("video").to_pylist() == [ids.key("a"), ids.key("b")]
    assert rows.column("fraction").to_pylist() == [0.25, 1.0]
    assert rows.schema.field("fraction").type == pa.float32()
    assert rows.column("window").to_pylist() == [window("22:00")] * 2


def test_the_same_versions_give_the_same_set_after_late_events(evening: HandmadeSite) -> None:
    """Changes the shared evening, so it is the last test that reads it."""
    versions = {table: evening.lake.version(table) for table in evening.lake.schemas}
    before = ranking_examples(evening.settings, window("22:00"), window("22:10"), versions)
    evening.watch("u", "b", "22:10:30")
    evening.impression("u", "a", "22:01")
    evening.impression("u", "stranger", "22:02")  # of a video without a catalogue row: left out
    publish(evening)
    assert ranking_examples(evening.settings, window("22:00"), window("22:10"), versions).equals(before)
    assert ranking_examples(evening.settings, window("22:00"), window("22:10")).num_rows == before.num_rows + 1
