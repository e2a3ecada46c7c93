"""Turns of knobs: what holds, what is refused, and where arms lie among the viewers."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from homefeed.knobs import KnobError, place
from homefeed.registry import Registry, open_registry

NOW = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return open_registry(f"sqlite:///{tmp_path / 'registry.db'}")


def held(registry: Registry) -> list[tuple[float | None, str, str]]:
    return [(turn.value, turn.release, turn.arm) for turn in registry.knobs.holding("exploration")]


def test_nothing_holds_before_the_first_turn(registry: Registry) -> None:
    assert held(registry) == []
    assert registry.knobs.newest() == []


def test_the_newest_turn_holds_and_the_history_stays(registry: Registry) -> None:
    registry.knobs.turn("exploration", 0.2, NOW, "ada", "more news")
    registry.knobs.turn("exploration", 0.3, NOW, "bob")
    registry.knobs.turn("exploration", 0.5, NOW, "bob", arm="much", share=0.1)
    assert held(registry) == [(0.3, "", ""), (0.5, "", "much")]
    registry.knobs.turn("exploration", None, NOW, "ada", "over", arm="much")
    registry.knobs.turn("exploration", None, NOW, "ada")
    assert held(registry) == []
    turns = registry.knobs.newest("exploration")
    assert [(turn.by, turn.value) for turn in turns] == [
        ("ada", None), ("ada", None), ("bob", 0.5), ("bob", 0.3), ("ada", 0.2),
    ]  # fmt: skip
    assert turns[-1].reason == "more news"
    assert turns[-1].at == NOW


@pytest.mark.parametrize(
    ("name", "value", "given", "message"),
    [
        ("speed", 1.0, {}, "there is no knob 'speed'.*there is: exploration"),
        ("exploration", 1.5, {}, "between 0 and 1, not 1.5"),
        ("exploration", float("nan"), {}, "between 0 and 1, not nan"),
        ("exploration", 0.5, {"arm": "a", "share": 0.0}, "above 0 and up to 1, not 0"),
        ("exploration", 0.5, {"release": "r9"}, "there is no release 'r9'; `homefeed status`"),
        ("exploration", None, {"arm": "a"}, "exploration was not turned for 'a'"),
    ],
)
def test_a_wrong_turn_is_refused_and_changes_nothing(
    registry: Registry, name: str, value: float | None, given: dict[str, object], message: str
) -> None:
    with pytest.raises(KnobError, match=message):
        registry.knobs.turn(name, value, NOW, "me", **given)  # type: ignore[arg-type]
    assert registry.knobs.newest() == []


def test_arms_lie_side_by_side_and_stay_where_they_are() -> None:
    assert place({}, "a", 0.1) == 0.0
    arms = {"a": (0.0, 0.1), "b": (0.1, 0.2)}
    assert place(arms, "c", 0.7) == pytest.approx(0.3)
    assert place(arms, "b", 0.9) == 0.1  # it grows where it is
    assert place(arms, "a", 0.05) == 0.0
    # It has no room to grow and moves; the others stay.
    assert place(arms, "a", 0.5) == pytest.approx(0.3)
    # A gap is used again.
    assert place({"b": (0.1, 0.2)}, "c", 0.1) == 0.0
    with pytest.raises(KnobError, match=r"arm 'c' cannot have 0\.8 of the viewers: beside a, b at most 0\.7 is free"):
        place(arms, "c", 0.8)


def test_three_thirds_fill_the_site() -> None:
    arms: dict[str, tuple[float, float]] = {}
    for name in "abc":
        arms[name] = (place(arms, name, 1 / 3), 1 / 3)
    with pytest.raises(KnobError, match="at most 0 is free"):
        place(arms, "d", 0.01)
