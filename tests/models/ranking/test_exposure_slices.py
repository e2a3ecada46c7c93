"""Slices of exposures that can be counted on one hand, keys that nobody knows among them."""

import numpy as np

from homefeed.features import DENSE_FEATURES
from models.names import Names
from models.ranking.examples import Examples, Inputs
from models.ranking.slices import groupings

NAMES = Names(countries={5: "DE"}, devices={1: "phone"}, topics={3: "chess"}, sources={9: "trending"})


def examples(**dense: list[float]) -> Examples:
    """Three exposures; `dense` gives features by name, 0 for the others."""
    columns = np.zeros((3, len(DENSE_FEATURES)), np.float32)
    for name, values in dense.items():
        columns[:, DENSE_FEATURES.index(name)] = values
    keys, none = np.array([5, 255, 0]), np.zeros((3, 0), np.int64)
    inputs = Inputs(
        dense=columns,
        video=keys,
        channel=keys,
        topic=np.array([3, 3, 0]),
        language=keys,
        side_topics=none,
        slot=np.array([0, 19, 99], np.int32),
        device=np.array([1, 1, 1]),
        country=keys,
        user_language=keys,
        age=keys.astype(np.int32),
        history_topics=none,
        history_fractions=none.astype(np.float32),
    )
    one = np.ones(3, np.float32)
    return Examples(
        inputs, {"watched": one}, one, users=keys, requests=keys, sources=np.array([9, 9, 0]), propensities=one
    )


def test_slices_by_hand() -> None:
    rows = examples(video_age_h=[0.5, 24, 1000], history_size=[0, 3, 0], video_watches_7d=[0, 1, 7])
    found = {g.name: [g.names[code] for code in g.codes] for g in groupings(rows, NAMES)}
    assert found == {
        "country of the viewer": ["DE", "#ff", "unknown"],
        "device": ["phone"] * 3,
        "age of the video": ["uploaded within the last hour", "1 to 7 days old", "older than 7 days"],
        "topic of the video": ["chess", "chess", "unknown"],
        "viewer": ["new: has watched nothing before", "known", "new: has watched nothing before"],
        "source": ["trending", "trending", "unknown"],
        "slot": ["slots 0 to 4", "slots 10 to 19", "slots 50 to 99"],
        # Two exposures of watched videos: the middles of their halves are at 1/4 and 3/4.
        "popularity of the video": ["not watched in the seven days before", "decile 3", "decile 8"],
    }


def test_no_exposures_have_their_slices_too() -> None:
    none = examples().take(np.zeros(3, bool))
    assert all(len(g.codes) == 0 for g in groupings(none, NAMES))
