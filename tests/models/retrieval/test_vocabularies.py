"""Codes that were given out never change."""

from pathlib import Path

import numpy as np

from models.retrieval.vocabularies import Vocabularies, load_vocabularies


def of(videos: list[int]) -> Vocabularies:
    none = np.zeros(0, np.int64)
    return Vocabularies(np.array(videos, np.int64), none, none, none, none, none)


def test_new_keys_come_behind_the_known_ones(tmp_path: Path) -> None:
    of([5, 3]).save(tmp_path)
    grown = load_vocabularies(tmp_path).grown(of([3, 9, 1]))
    assert grown.videos.tolist() == [5, 3, 9, 1]
    assert of([]).grown(of([])).videos.tolist() == []
