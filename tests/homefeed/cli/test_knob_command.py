"""`homefeed knob`: turned, shown, given back, and refused with a reason."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from homefeed.cli import build
from homefeed.knobs import KnobError

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFEED_VAR", str(tmp_path))


def knob(*arguments: str) -> dict[str, list[dict[str, object]]]:
    done = RUNNER.invoke(build(["knob"]), ["knob", *arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    value: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    return value


def test_a_knob_is_set_shown_and_given_back() -> None:
    assert [(row["knob"], row["value"], row["by"]) for row in knob("list")["knobs"]] == [
        ("exploration", 0.1, "settings")
    ]
    knob("set", "exploration", "0.2", "--reason", "more news", "--by", "ada")
    knob("set", "exploration", "0.3", "--share", "0.1", "--arm", "much", "--by", "bob")
    rows = knob("get", "exploration")["knobs"]
    assert [(row["value"], row["arm"], row["share"], row["by"], row["reason"]) for row in rows] == [
        (0.2, "", 1.0, "ada", "more news"),
        (0.3, "much", 0.1, "bob", ""),
    ]
    status = json.loads(RUNNER.invoke(build(["status"]), ["status", "--json"], catch_exceptions=False).stdout)
    assert status["knobs"] == rows
    knob("unset", "exploration", "--arm", "much")
    said = knob("unset", "exploration")
    assert [row["by"] for row in said["knobs"]] == ["settings"]
    assert [turn["value"] for turn in said["turns"]] == [None, None, 0.3, 0.2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "exploration", "2"), "between 0 and 1"),
        (("set", "volume", "0.2"), "there is no knob 'volume'"),
        (("get", "volume"), "there is no knob 'volume'"),
        (("set", "exploration", "0.2", "--arm", "a"), "give --arm NAME and --share"),
        (("set", "exploration", "0.2", "--share", "0.1"), "give --arm NAME and --share"),
        (
            ("set", "exploration", "0.2", "--arm", "a", "--share", "0.1", "--release", "r1"),
            "for a release or for an arm",
        ),
        (("set", "exploration", "0.2", "--release", "r1"), "there is no release 'r1'"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(KnobError, match=message):
        RUNNER.invoke(build(["knob"]), ["knob", *arguments], catch_exceptions=False)


def test_the_table_says_whom_a_value_is_for() -> None:
    knob("set", "exploration", "0.3", "--share", "0.1", "--arm", "much", "--reason", "a try")
    done = RUNNER.invoke(build(["knob"]), ["knob", "list"], env={"COLUMNS": "160"})
    assert "arm much, 10.0% of the viewers" in done.stdout
    assert "a try" in done.stdout
