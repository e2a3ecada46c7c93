"""`homefeed experiment` and `homefeed metrics` from the command line, without a service."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from homefeed.cli import build
from homefeed.cli.metrics import MetricsError
from homefeed.experiments import ExperimentError
from homefeed.registry import Stage, open_registry
from homefeed.settings import load

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFEED_VAR", str(tmp_path))


def call(*words: str) -> str:
    result = RUNNER.invoke(build([words[0]]), list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_start_list_show_stop() -> None:
    call(
        "experiment",
        "start",
        "e",
        "--knob",
        "exploration",
        "--share",
        "0.1",
        "--arm",
        "control=0.1",
        "--arm",
        "more=0.3",
    )
    (listed,) = json.loads(call("experiment", "list", "--json"))["experiments"]
    assert [(arm["name"], arm["value"], arm["share"]) for arm in listed["arms"]] == [
        ("control", 0.1, 0.1),
        ("more", 0.3, 0.1),
    ]
    shown = json.loads(call("experiment", "show", "e", "--json"))
    assert shown["reading"]["effects"] == []
    assert Path(shown["page"]).read_text().startswith("<!doctype html>")
    call("experiment", "stop", "e", "--reason", "enough")
    assert json.loads(call("experiment", "list", "--json"))["experiments"][0]["stopped_reason"] == "enough"


def test_a_release_is_interleaved_with_the_live_one(tmp_path: Path) -> None:
    registry, now = open_registry(load().resolved_registry_url), datetime(2026, 11, 23, 22, tzinfo=UTC)
    for name, stage in (("r1", Stage.LIVE), ("r2", Stage.CANARY)):
        registry.add_release(name, name, now, {})
        registry.move(name, stage, now, [])
    assert "r1 + r2" in call("experiment", "start", "duel", "--interleave", "r2", "--share", "0.05")
    shown = json.loads(call("experiment", "show", "duel", "--json"))
    assert (shown["releases"], shown["reading"]["winner"], shown["reading"]["num_pages"]) == (["r1", "r2"], "", 0)
    assert "Too few viewers to read: 0." in call("experiment", "show", "duel")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--knob", "exploration", "--layer", "l", "--arm", "a=1"), "give one of --knob, --layer and --interleave"),
        (("--arm", "a"), "give one of --knob, --layer and --interleave"),
        (("--knob", "exploration", "--arm", "a=much"), "'much' is not a number"),
        (("--knob", "exploration", "--arm", "a"), "write --arm NAME=VALUE"),
        (("--layer", "l", "--arm", "a=1"), "without one --arm NAME"),
        (("--layer", "l"), "at least two arms"),
        (("--interleave", "r1", "--layer", "l"), "give one of"),
        (("--interleave", "r1", "--arm", "a"), "there are no arms to give"),
        (("--interleave", "r1"), "no release is live to compare with"),
        (("--interleave", "r1", "--interleave", "r2"), "no release 'r1'"),
    ],
)
def test_what_is_asked_wrongly_is_told(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(ExperimentError, match=told):
        call("experiment", "start", "e", "--share", "0.1", *words)


def test_an_unknown_experiment_and_a_site_without_metrics_are_told() -> None:
    with pytest.raises(ExperimentError, match="no experiment 'e'"):
        call("experiment", "show", "e")
    with pytest.raises(MetricsError, match="no window was measured yet"):
        call("metrics")
