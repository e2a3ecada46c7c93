"""Evaluation of a whole release on closed windows."""

import numpy as np
import pytest

from models.bundle import load_bundle
from models.evaluation.release import evaluate_release, evaluation_rows

pytestmark = pytest.mark.slow


def test_a_release_is_better_than_knowing_the_rate_and_rows_pair_up(release) -> None:
    first, last = release.windows[-6], release.windows[-1]
    rows = evaluation_rows(release.settings, first, last)
    bundle = load_bundle(release.settings, release.id)
    once, again = (evaluate_release(release.settings, bundle, first, last, rows) for _ in range(2))
    assert once["roc_auc"] > 0.6
    assert once["ne"] < 1
    assert 0.7 < once["calibration"] < 1.3
    assert once["recall_at_100"] > 100 / 300
    assert once["popularity_recall_at_100"] > 0
    assert len(once["log_loss"]) == len(once["viewers"]) == len(rows.exposures)
    np.testing.assert_array_equal(once["log_loss"], again["log_loss"])
