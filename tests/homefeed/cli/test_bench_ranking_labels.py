"""What noise and sampling cost, on numbers that can be checked by hand."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from homefeed.cli.bench.ranking_labels import MEANING, area_against, compared, sampled_of, shared
from models.ranking.examples import Examples, Inputs


def _examples(watched: list[int], dismissed: list[int]) -> Examples:
    n = len(watched)
    columns = {field.name: np.zeros(n, np.int64) for field in dataclasses.fields(Inputs)}
    none = np.zeros(n, np.float32)
    labels = dict.fromkeys(("watch_s", "completion", "liked", "subscribed", "shared"), none)
    labels |= {"watched": np.array(watched, np.float32), "dismissed": np.array(dismissed, np.float32)}
    return Examples(Inputs(**columns), labels, none + 1, np.arange(n), np.arange(n), np.arange(n), none)  # type: ignore[arg-type]


def test_only_exposures_without_a_reaction_are_sampled() -> None:
    """A thousand missed ones at a tenth stand for about a thousand; the watched and the dismissed one stand for one."""
    kept = sampled_of(_examples([1, 0] + [0] * 1000, [0, 1] + [0] * 1000), 0.1, seed=3)
    assert kept.users[:2].tolist() == [0, 1]
    assert kept.weight[:2].tolist() == [1, 1]
    assert set(kept.weight[2:].tolist()) == {10}
    assert 800 < kept.weight[2:].sum() < 1200
    assert len(sampled_of(_examples([0, 1], [0, 0]), 1.0, seed=3)) == 2


def test_the_area_is_that_of_labels_with_the_true_chances() -> None:
    """Chances of one and nothing are labels: the better one first is 1, last a half. Equal chances: the mean."""
    assert area_against(np.array([1.0, 0.0]), np.array([0.9, 0.1])) == 1
    assert area_against(np.array([1.0, 0.0]), np.array([0.1, 0.9])) == 0.5
    assert area_against(np.full(4, 0.25), np.array([0.4, 0.3, 0.2, 0.1])) == pytest.approx(0.25)


def test_the_shared_exposures_are_found_in_another_order() -> None:
    def made(ids: list[str]) -> object:
        return type("Made", (), {"holdout": type("Part", (), {"rows": pa.table({"event_id": ids})})})

    ours, theirs = shared(made(["a", "b", "c"]), made(["c", "bot", "a"]))  # type: ignore[arg-type]
    assert ours.tolist() == [0, 2]
    assert theirs.tolist() == [2, 0]


def test_ratios_are_of_trainings_with_the_same_seed() -> None:
    found = compared(
        {"clean": [0.2, 0.4], "noisy": [0.1, 0.4], "noisy_with_bots": [0.3, 0.3], "all_missed": [0.2, 0.2]}
    )
    assert found["noisy_to_clean"] == pytest.approx(0.25 / 0.3)
    assert (found["noisy_to_clean_low"], found["noisy_to_clean_high"]) == (0.5, 1)
    assert found["noisy_with_bots_to_clean"] == pytest.approx(1)
    assert (found["sampled_to_all_low"], found["sampled_to_all_high"]) == (1, 2)
    assert set(found) < set(MEANING)
