"""Recall of the retriever of a bundle on the newest watches: ranks counted by hand, and what the gates make of them."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from stub_bundle import stub_wanted
from stub_site import SINCE, WINDOW, StubSite

from homefeed.registry import Stage
from homefeed.verdict import Check, Verdict
from models.history import string_key
from monitoring.gates.quality import quality
from monitoring.look import Look
from monitoring.retrieved import Wanted, ranks, wanted_of

AT = datetime(2026, 11, 23, 21, 50, tzinfo=UTC)
US = round(AT.timestamp() * 1e6)


def bundle(scores: list[list[float]], videos: list[int]) -> Any:
    """Answers query q with the scores of row q."""
    return SimpleNamespace(
        vectors=np.eye(len(videos), dtype=np.float32),
        videos=np.array(videos, np.int64),
        queries=lambda viewers: np.array(scores, np.float32),
    )


def wanted(videos: list[int], histories: list[list[int]]) -> Wanted:
    past: NDArray[np.int64] = np.array(histories, np.int64)
    return Wanted(np.arange(len(videos)), np.array(videos), {"history_videos": past})


def test_ranks_are_counted_among_what_was_not_watched_yet() -> None:
    """Keys are in no order. Video 7 has the second best score; the best, 9, was watched by the second viewer."""
    scores = [[0.1, 3.0, 2.0, 1.0]] * 2
    found = ranks(bundle(scores, [4, 9, 7, 5]), wanted([7, 7], [[0, 0], [9, 0]]))
    assert found.tolist() == [1, 0]


def test_equal_scores_share_the_mean_rank() -> None:
    assert ranks(bundle([[1.0, 1.0, 1.0, 0.0]], [1, 2, 3, 4]), wanted([2], [[0]])).tolist() == [1.0]


def test_what_is_unknown_or_was_watched_before_has_no_rank() -> None:
    found = ranks(bundle([[1.0, 2.0]] * 3, [1, 2]), wanted([3, 0, 2], [[0], [0], [2]]))
    assert np.isnan(found).all()
    assert np.isnan(ranks(bundle([[]], []), wanted([1], [[0]]))).all(), "an empty catalogue"
    nobody = Wanted(np.zeros(0, np.int64), np.zeros(0, np.int64), {"history_videos": np.zeros((0, 3), np.int64)})
    assert len(ranks(bundle([], [1, 2]), nobody)) == 0


def test_viewers_are_read_as_they_were_at_the_impression() -> None:
    """A watch at the moment of the impression is no history yet; what is left begins on the left."""
    early, late = US - 2, US
    rows = pa.table(
        {
            "user": [1, 2],
            "video": [10, 20],
            "time": pa.array([AT, AT], pa.timestamp("us", tz="UTC")),
            "history_videos": [[7, 8, 9], None],
            "history_times": [[early, early, late], None],
            "history_fractions": pa.array([[0.5, 1.0, 0.25], None], pa.list_(pa.float32())),
            "country": ["IS", None],
            "language": ["is", None],
            "age": pa.array([30, None], pa.int16()),
        }
    )
    found = wanted_of(rows, 4, 2)
    assert found.viewers["history_videos"].tolist() == [[7, 8, 0, 0], [0, 0, 0, 0]]
    assert found.viewers["history_times"].tolist() == [[early, early, 0, 0], [0, 0, 0, 0]]
    assert found.viewers["history_fractions"].tolist() == [[0.5, 1, 0, 0], [0, 0, 0, 0]]
    assert found.viewers["country"].tolist() == [string_key("IS"), 0]
    assert (found.viewers["age"].tolist(), found.viewers["time"].tolist()) == ([30, -1], [US, US])
    assert wanted_of(rows, 4, 1).users.tolist() == [2], "the newest"
    assert len(wanted_of(rows.slice(0, 0), 4, 2)) == 0


def looked(site: StubSite, waited_s: float = 0.0) -> dict[str, Check]:
    live, now = site.registry.release("r1"), SINCE + timedelta(seconds=waited_s)
    look = Look(site.settings, site.registry, site.registry.release("r2"), live, WINDOW, now)
    return {check.name: check for check in quality(look)}


def beside_live(site: StubSite) -> None:
    site.add("r1", Stage.LIVE)
    site.add("r2")


def test_a_copy_of_live_loses_nothing(site: StubSite) -> None:
    beside_live(site)
    check = looked(site)["recall_live"]
    assert check.verdict is Verdict.PASS
    assert check.value == pytest.approx(0, abs=1e-9)
    assert check.num_samples == 1000


def test_a_retriever_whose_vocabulary_is_shifted_by_one_is_found(site: StubSite) -> None:
    """Its figures at training are as good as ever, so only the bundle itself can tell."""
    beside_live(site)
    honest = site.bundles["r2"].queries
    site.bundles["r2"].queries = lambda viewers: honest({"age": np.roll(viewers["age"], 1)})
    found = looked(site)["recall_live"]
    assert found.verdict is Verdict.FAIL
    assert found.value > 0.5, "most of what live finds is lost"
    assert "against live's 1.000 on 1000 watches" in found.detail


def test_watches_that_one_of_both_does_not_know_are_left_out(site: StubSite) -> None:
    """Live was built before the videos from 900 on, and would find none of these."""
    beside_live(site)
    live = site.bundles["r1"]
    live.vectors, live.videos = live.vectors[:900], live.videos[:900]
    live.queries = site.bundles["r2"].queries
    check = looked(site)["recall_live"]
    assert (check.verdict, check.num_samples) == (Verdict.PASS, 900)


def test_too_few_watches_wait(site: StubSite) -> None:
    beside_live(site)
    site.wanted = stub_wanted(np.arange(1, 100))
    found = looked(site, waited_s=100_000)["recall_live"]
    assert found.verdict is Verdict.WAIT
    assert "99 of the 100 watches it takes" in found.detail
