"""Slices of six watches, counted by hand."""

import math

import numpy as np
import pytest
from six_watches import NAMES, six_watches

from models.names import NO_NAMES
from models.retrieval.slices import Slice, deciles, masks, slices

RANKS = np.array([0, 150, 3, math.nan, 99, 100])
POPULAR = np.array([100, 100, 0, math.nan, 0, 0])


@pytest.fixture(scope="module")
def members() -> dict[tuple[str, str], str]:
    """Group and name of each slice -> the letters of its watches."""
    log, wanted = six_watches()
    letters = np.array(list("abcdef"))
    return {(group, name.split(":")[0]): "".join(letters[mask]) for group, name, mask in masks(log, wanted, NAMES)}


@pytest.fixture(scope="module")
def found() -> dict[str, Slice]:
    log, wanted = six_watches()
    every = slices(log, wanted, RANKS, POPULAR, names=NAMES, seed=1)
    return {part.name.split(":")[0]: part for part in every}


def of(members: dict[tuple[str, str], str], group: str) -> dict[str, str]:
    return {name: letters for (where, name), letters in members.items() if where == group}


def test_cold_starts(members: dict[tuple[str, str], str]) -> None:
    # Video 2 is no longer new for f: b watched it a window earlier. A video without a channel has no new channel.
    assert of(members, "cold start") == {"new viewer": "be", "new video": "bd", "cold video": "b", "new channel": "b"}


def test_viewers_by_what_they_watched_before(members: dict[tuple[str, str], str]) -> None:
    expected = {"none": "be", "1 to 5": "acdf", "6 to 20": "", "21 to 50": "", "51 or more": ""}
    assert of(members, "watches of the viewer before") == expected


def test_videos_by_age(members: dict[tuple[str, str], str]) -> None:
    assert list(of(members, "age of the video").values()) == ["bf", "d", "", "ace"]


def test_countries_with_most_watches_first(members: dict[tuple[str, str], str]) -> None:
    assert list(of(members, "country of the viewer").items()) == [("DE", "abc"), ("unknown", "ef"), ("US", "d")]


def test_equal_popularity_shares_its_middle_place() -> None:
    """Before the window of a to e only video 0 was watched in seven days, and is the middle of one place. Before that
    of f, 1 to 3 were watched once, their middle is 1.5 of 4 places, and 0 four times."""
    log, wanted = six_watches()
    assert deciles(log, wanted).tolist() == [-1, -1, 5, -1, 5, 3]


def test_popularity_shares_out_the_watches(members: dict[tuple[str, str], str]) -> None:
    tenths = of(members, "popularity of the video")
    assert {name: letters for name, letters in tenths.items() if letters} == {
        "not watched in the seven days before": "abd", "decile 4": "f", "decile 6": "ce"
    }  # fmt: skip
    assert len(tenths) == 11


def test_recall_of_a_slice(found: dict[str, Slice]) -> None:
    """Of the five watches that count a, c and e are among the first 100; popularity has c, e and f."""
    overall, new = found["all watches"], found["new viewer"]
    assert (overall.num_watches, overall.num_viewers, overall.recall, overall.popularity) == (5, 3, 0.6, 0.6)
    assert 0 <= overall.low <= 0.6 <= overall.high <= 1
    assert (new.num_watches, new.recall, new.popularity) == (2, 0.5, 0.5)


def test_what_a_slice_cannot_say_is_not_a_number(found: dict[str, Slice]) -> None:
    alone, empty = found["cold video"], found["6 to 20"]
    assert (alone.num_watches, alone.num_viewers, alone.recall) == (1, 1, 0)
    assert math.isnan(alone.low)
    for none in (empty, found["US"]):
        assert none.num_watches == none.num_viewers == 0
        assert all(math.isnan(value) for value in (none.recall, none.low, none.high, none.popularity))


def test_no_watches_at_all() -> None:
    log, wanted = six_watches()
    nothing = wanted.take(np.zeros(len(wanted), bool))
    every = slices(log, nothing, np.zeros(0), np.zeros(0), names=NO_NAMES, seed=1)
    assert every[0].name == "all watches"
    assert all(part.num_watches == 0 and math.isnan(part.recall) for part in every)
