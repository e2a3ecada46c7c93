"""What a page is ranked by: heads from what was prepared per snapshot are those of the whole graph."""

from datetime import UTC, datetime

import numpy as np
import pytest

from models.bundle import Bundle, load_bundle
from models.ranking.adjustment import Adjustment
from models.ranking.corrections import Corrections
from models.snapshot_rows import SnapshotRows

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)
CONTEXT = {"time": NOW, "device": "phone"}


@pytest.fixture
def bundle(release) -> Bundle:
    return load_bundle(release.settings, release.id)


def rows_of(table, num: int) -> SnapshotRows:
    """The first rows of a snapshot."""
    names = [name for name in table.column_names if name not in ("topics", "countries")]
    columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in names}
    return SnapshotRows(table, columns, np.arange(num))


def viewer(release, name: str):
    from feature_repo.online import UserStore

    return UserStore(release.settings).read(name)


@pytest.mark.parametrize("name", ["viewer-3", "a stranger"])
def test_prepared_candidates_score_as_the_whole_graph_does(bundle: Bundle, release, name: str) -> None:
    bundle.refresh(bundle.snapshot, NOW)
    user, rows = viewer(release, name), rows_of(bundle.snapshot, 200)
    page = bundle.score(user, rows, CONTEXT)
    whole = bundle.heads(bundle.inputs(user, rows, CONTEXT))
    assert page["watched"].std() > 0
    for head, expected in whole.items():
        np.testing.assert_allclose(page[head], expected, rtol=1e-4, atol=1e-4, err_msg=head)


def test_a_corrected_video_is_corrected_on_a_page_and_in_the_whole_graph(bundle: Bundle, release) -> None:
    bundle.refresh(bundle.snapshot, NOW)
    user, rows = viewer(release, "viewer-3"), rows_of(bundle.snapshot, 200)
    before = bundle.score(user, rows, CONTEXT)
    twice = Corrections(rows["video"][5:6], np.log([2.0]).astype(np.float32))
    bundle.recalibrate(Adjustment(bundle.calibrators, twice))
    page, whole = bundle.score(user, rows, CONTEXT), bundle.heads(bundle.inputs(user, rows, CONTEXT))
    others = np.arange(200) != 5
    for head in before:
        np.testing.assert_array_equal(page[head][others], before[head][others])
        np.testing.assert_allclose(page[head], whole[head], rtol=1e-4, atol=1e-4)
    odds = [heads["watched"][5] / (1 - heads["watched"][5]) for heads in (before, page)]
    assert odds[1] / odds[0] == pytest.approx(2, rel=1e-4)


def test_no_prepared_candidates_have_no_scores(bundle: Bundle, release) -> None:
    bundle.refresh(bundle.snapshot, NOW)
    heads = bundle.score(viewer(release, "viewer-3"), rows_of(bundle.snapshot, 0), CONTEXT)
    assert all(head.shape == (0,) for head in heads.values())


def test_a_request_that_began_with_the_snapshot_before_is_scored_by_it(bundle: Bundle, release) -> None:
    before, user = bundle.snapshot, viewer(release, "viewer-3")
    bundle.refresh(before, NOW)
    expected = bundle.score(user, rows_of(before, 50), CONTEXT)
    later = before.slice(1)
    bundle.refresh(later, NOW)
    after = bundle.score(user, rows_of(before, 50), CONTEXT)
    shifted = bundle.score(user, rows_of(later, 49), CONTEXT)
    np.testing.assert_array_equal(after["watched"], expected["watched"])
    np.testing.assert_allclose(shifted["watched"], expected["watched"][1:], atol=1e-4)


def test_one_that_is_late_is_scored_by_the_newest_snapshot_once_its_own_is_forgotten(bundle: Bundle, release) -> None:
    before, user = bundle.snapshot, viewer(release, "viewer-3")
    bundle.refresh(before, NOW)
    expected = bundle.score(user, rows_of(before, 50), CONTEXT)
    bundle.refresh(before.slice(1), NOW)
    assert len(bundle._catalogues) == 2
    bundle.forget()
    assert len(bundle._catalogues) == 1
    late = bundle.score(user, rows_of(before, 50), CONTEXT)
    # The first video is in the newest no more.
    assert {head: late[head][0] for head in late} == dict.fromkeys(expected, 0)
    np.testing.assert_allclose(late["watched"][1:], expected["watched"][1:], rtol=1e-4, atol=1e-4)
    assert bundle._graphs._loaded == {}
    nobody_knows = rows_of(before.slice(0, 1), 1)
    assert bundle.score(user, nobody_knows, CONTEXT)["watched"].tolist() == [0]
