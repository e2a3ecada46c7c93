"""Parameters by size, and when an index is built anew."""

from dataclasses import replace

import pytest

from homefeed.settings.index import IndexSettings
from models.index.health import Age, Health, why_rebuild
from models.index.plan import Kind, plan_for

KNOBS = IndexSettings()
AGE = Age(Kind.TREE, Kind.TREE, Health(1.0, 0.2), Health(1.0, 0.2), 0.0)


@pytest.mark.parametrize(
    ("num", "kind", "leaves", "searched"),
    [
        (0, Kind.EXACT, 0, 0),
        (19_999, Kind.EXACT, 0, 0),
        (20_000, Kind.QUANTISED, 0, 0),
        (100_000, Kind.QUANTISED, 0, 0),
        (1_000_000, Kind.TREE, 1000, 64),
        (10_000_000, Kind.TREE, 3162, 64),
    ],
)
def test_the_plan_follows_the_size(num: int, kind: Kind, leaves: int, searched: int) -> None:
    plan = plan_for(num, KNOBS)
    assert (plan.kind, plan.leaves, plan.searched_leaves) == (kind, leaves, searched)
    assert plan.sample <= num


def test_a_small_tree_has_no_more_leaves_to_look_into_than_leaves() -> None:
    assert plan_for(101, IndexSettings(exact_below=0, tree_above=100)).searched_leaves == 10


def test_an_index_as_it_was_built_stays() -> None:
    assert why_rebuild(AGE, KNOBS) is None


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (replace(AGE, now=Health(1.2, 0.2)), "quantisation error grew from 1 to 1.2"),
        (replace(AGE, now=Health(1.0, 0.8)), "imbalance of its leaves grew from 0.2 to 0.8"),
        (replace(AGE, inserted_share=0.25), "25% of its videos were inserted"),
        (replace(AGE, built=Kind.EXACT), "asks for a tree index now"),
    ],
)
def test_each_reason_to_build_anew(age: Age, reason: str) -> None:
    assert reason in (why_rebuild(age, KNOBS) or "")


def test_an_exact_index_is_never_too_old() -> None:
    assert why_rebuild(replace(AGE, built=Kind.EXACT, wanted=Kind.EXACT, inserted_share=1.0), KNOBS) is None
