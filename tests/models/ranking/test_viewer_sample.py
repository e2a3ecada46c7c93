"""Samples of whole viewers."""

import numpy as np
from test_evaluation import examples

from models.ranking.viewer_sample import viewer_sample


def test_no_more_than_the_bound_is_everything() -> None:
    rows, _ = examples(20, 4)
    assert viewer_sample(rows, 20, 1) is rows


def test_viewers_are_whole_and_rows_stay_in_order() -> None:
    """Ten viewers of eight exposures each; four of them are 32."""
    rows, _ = examples(80, 10)
    drawn = viewer_sample(rows, 32, 1)
    viewers, sizes = np.unique(drawn.users, return_counts=True)
    assert len(viewers) == 4
    assert set(sizes) == {8}
    assert (np.diff(drawn.users) != 0).all()
    assert set(viewers) != set(viewer_sample(rows, 32, 2).users)


def test_a_viewer_larger_than_the_bound_is_measured() -> None:
    rows, _ = examples(20, 1)
    assert len(viewer_sample(rows, 5, 1)) == 20
