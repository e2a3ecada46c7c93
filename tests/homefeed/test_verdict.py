"""Checks add up to one verdict; missing data never passes."""

import pytest

from homefeed.verdict import Check, Verdict, overall

PASS, FAIL, WAIT = Verdict.PASS, Verdict.FAIL, Verdict.WAIT


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [([], WAIT), ([PASS], PASS), ([PASS, WAIT], WAIT), ([PASS, WAIT, FAIL], FAIL), ([PASS, PASS], PASS)],
)
def test_overall(verdicts: list[Verdict], expected: Verdict) -> None:
    assert overall([Check("x", v) for v in verdicts]) == expected


def test_a_check_becomes_plain_values() -> None:
    assert Check("ne", FAIL, 1.2, 1.0, (1.1, 1.3), 100).to_dict()["interval"] == (1.1, 1.3)
    assert Check("ne", FAIL).to_dict()["verdict"] == "fail"
