"""What moves a head, with a ranker whose log-odds are a sum that can be checked by hand."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from homefeed.features import DENSE_FEATURES
from models.ranking.attribution import (
    GROUPS,
    SHARES,
    AttributionError,
    Reference,
    feature_changes,
    group_changes,
    reaches,
    read_reference,
)
from models.ranking.calibration import log_odds
from models.ranking.examples import HIDDEN_SLOT, Inputs

AGE, TOPIC = DENSE_FEATURES.index("video_age_h"), DENSE_FEATURES.index("user_topic_affinity")


def reference() -> Reference:
    """Every feature is spread evenly over 0 to 10, so its typical value is 5."""
    return Reference(np.repeat(10 * SHARES[:, None], len(DENSE_FEATURES), axis=1).astype(np.float32))


def inputs(num: int = 1, **dense: float) -> Inputs:
    """Candidates of one viewer, every dense feature at 5 but those that are named."""
    columns = np.full((num, len(DENSE_FEATURES)), 5, np.float32)
    for name, value in dense.items():
        columns[:, DENSE_FEATURES.index(name)] = value
    key, one = np.full(num, 7, np.int64), np.full(1, 3, np.int64)
    return Inputs(
        dense=columns,
        video=key,
        channel=key,
        topic=key,
        language=key,
        side_topics=np.zeros((num, 3), np.int64),
        slot=np.full(num, HIDDEN_SLOT, np.int32),
        device=one,
        country=one,
        user_language=one,
        age=np.array([30], np.int32),
        history_topics=np.zeros((1, 4), np.int64),
        history_fractions=np.zeros((1, 4), np.float32),
    )


def watched(some: Inputs) -> np.ndarray:
    """Log-odds: a tenth of the affinity, less a fiftieth of the age, and 0.3 where the video's key is known."""
    odds = 0.1 * some.dense[:, TOPIC] - 0.02 * some.dense[:, AGE] + 0.3 * (some.video != 0)
    return 1 / (1 + np.exp(-odds))


def test_every_feature_but_the_slot_is_in_one_group() -> None:
    assert sorted(name for group in GROUPS for name in group.dense) == sorted(DENSE_FEATURES)
    assert sorted(name for group in GROUPS for name in group.keys) == sorted(
        {f.name for f in fields(Inputs)} - {"dense", "slot"}
    )


def test_a_group_counts_by_what_its_typical_values_would_change() -> None:
    changes = group_changes(watched, inputs(2, user_topic_affinity=9, video_age_h=0), reference())
    assert changes.shape == (2, len(GROUPS))
    found = dict(zip([group.name for group in GROUPS], changes[1], strict=True))
    assert found["match with the history"] == pytest.approx(0.4)
    assert found["age and length of the video"] == pytest.approx(0.1)
    assert found["the video, its channel and topics"] == pytest.approx(0.3)
    assert found["subscriptions"] == 0


def test_a_feature_counts_alone() -> None:
    changes = feature_changes(watched, inputs(user_topic_affinity=9, video_age_h=0), reference())
    assert changes[[TOPIC, AGE]] == pytest.approx([0.4, 0.1])
    assert np.count_nonzero(np.abs(changes) > 1e-6) == 2


def test_the_nearest_change_that_suffices_is_told_first() -> None:
    # The log-odds are 0.5 - 0.1 + 0.3; one tenth of the affinity's distribution is worth 0.1, of the age's 0.02.
    found = reaches(lambda i: log_odds(watched(i)), inputs(), reference(), needed=0.79)
    assert [(r.feature, r.value, r.wanted) for r in found] == [("user_topic_affinity", 5, 6), ("video_age_h", 5, 0)]
    assert [r.share for r in found] == pytest.approx([0.1, 0.5], abs=1e-6)


def test_what_no_feature_can_do_alone_is_not_told() -> None:
    assert reaches(lambda i: log_odds(watched(i)), inputs(), reference(), needed=3.0) == []


def test_a_head_that_says_the_same_of_all_is_moved_by_nothing() -> None:
    def flat(some: Inputs) -> np.ndarray:
        return np.full(len(some.video), 0.02, np.float32)

    assert not group_changes(flat, inputs(3), reference()).any()
    assert not feature_changes(flat, inputs(), reference()).any()


def test_certainty_has_finite_log_odds() -> None:
    assert log_odds(np.array([0.0, 0.5, 1.0])) == pytest.approx([-16.118, 0, 16.118], abs=1e-3)


def test_the_reference_is_read_from_a_bundle_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "reference.parquet"
    with pytest.raises(AttributionError, match="build the bundle again"):
        read_reference(file)
    columns = {name: np.array([1.0, 2.0, 30.0], np.float32) for name in DENSE_FEATURES}
    pq.write_table(pa.table(columns), file)
    assert set(read_reference(file).typical.tolist()) == {2.0}
    pq.write_table(pa.table(columns).slice(0, 0), file)
    with pytest.raises(AttributionError, match="no exposure"):
        read_reference(file)
