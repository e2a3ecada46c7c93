"""docs/gates.md names every gate and check there is."""

import re
from pathlib import Path

import pytest

from homefeed.settings.rollout import RolloutSettings
from monitoring import gates
from monitoring.gates.contract import contract

PAGE = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()
TABLE = [line for line in PAGE.splitlines() if line.startswith("| ")]
GATES = sorted({*(gate for stage in gates.GATES.values() for gate in stage), contract}, key=lambda gate: gate.__name__)


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.__name__)
def test_every_check_that_a_gate_returns_is_in_the_table(gate: object) -> None:
    """What a gate's docstring names with a head or a slice in it stands for all of them."""
    named = set(re.findall(r"`([a-z_<>]+)`", gate.__doc__ or ""))
    assert named, "a gate's docstring names its checks"
    listed = set(re.findall(r"`([a-z_<>]+)`", "\n".join(TABLE)))
    assert named <= listed


def test_every_gate_with_a_number_is_in_its_row() -> None:
    unnumbered = {"drift", "turn"}
    assert set(gates.NUMBERS) | unnumbered == {gate.__name__ for gate in GATES}
    rows = [line.split("|")[1].strip() for line in TABLE]
    assert [f"G{number}" for number in range(1, 21)] == [row for row in rows if row.startswith("G")]
    for numbers in gates.NUMBERS.values():
        assert set(numbers.split("-")) <= set(rows)


def test_every_setting_of_a_bound_exists() -> None:
    named = {name for name in re.findall(r"`([A-Z_]+)`", PAGE) if not name.startswith("HOMEFEED_")}
    assert named <= {name.upper() for name in RolloutSettings.model_fields}
