"""`homefeed release`, `alert`, `watch` and the alerts of `status`, as a person types them."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from homefeed.cli import build
from homefeed.errors import HomefeedError
from homefeed.registry import Registry, Stage, open_registry
from homefeed.settings import load

Run = Callable[..., Any]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """r2 is live after r1, r3 in canary; one task has failed."""
    monkeypatch.setenv("HOMEFEED_VAR", str(tmp_path / "var"))
    found, now = open_registry(load().resolved_registry_url), datetime.now(UTC)
    for release, stage in (("r1", Stage.LIVE), ("r2", Stage.LIVE), ("r3", Stage.CANARY)):
        found.add_release(release, release, now - timedelta(minutes=5), {})
        found.move(release, stage, now - timedelta(minutes=5), [])
    found.failures.note("ingest_events", "ingest", "run-1", now, "OSError: disk full")
    return found


@pytest.fixture
def run(registry: Registry) -> Run:
    """`run("release list")` is what the command prints; with `--json` the object; its error when it fails."""

    def invoke(line: str, *more: str) -> Any:
        words = [*line.split(), *more]
        result = CliRunner().invoke(build([words[0]]), words)
        if result.exception is not None:
            raise result.exception
        return json.loads(result.output) if "--json" in words else result.output

    return invoke


def test_a_release_is_paused_shown_and_resumed(run: Run, registry: Registry) -> None:
    assert "r3 stays in canary" in run("release pause r3 --who ann", "--reason", "we look first")
    (paused,) = [r for r in run("release list --json")["releases"] if r["paused_by"]]
    assert (paused["id"], paused["paused_by"], paused["paused_because"]) == ("r3", "ann", "we look first")
    assert run("status --json")["paused"] == {"r3": "ann: we look first"}
    run("release resume r3 --who bob", "--reason", "nothing found")
    assert registry.holds() == []
    assert "nothing found" in run("release show r3")


def test_a_rollback_says_what_is_live_and_is_kept_with_who_and_why(run: Run) -> None:
    assert "r2 is rolled_back; r1 is live" in run("release rollback --who ann", "--reason", "empty pages")
    last = run("release show r2 --json")["transitions"][-1]
    assert (last["who"], last["reason"], last["to_stage"]) == ("ann", "empty pages", "rolled_back")
    assert run("status --json")["live"] == "r1"


def test_a_promotion_that_is_refused_says_what_to_do_and_force_is_kept(run: Run) -> None:
    with pytest.raises(HomefeedError, match=r"r3 stays in canary:\n.* waits: "):
        run("release promote r3", "--reason", "hurry")
    assert "r3 is ramp" in run("release promote r3 --force --who ann", "--reason", "hurry")
    last = run("release show r3 --json")["transitions"][-1]
    assert "promoted by ann over:" in last["checks"][-1]["detail"]


@pytest.mark.parametrize("order", ["pause r9", "resume r9", "promote r9", "rollback r9", "show r9"])
def test_an_unknown_release_is_named(run: Run, order: str) -> None:
    with pytest.raises(HomefeedError, match="there is no release 'r9'"):
        run(f"release {order}", *([] if order.startswith("show") else ["--reason", "why"]))


def test_an_order_without_a_reason_is_refused(run: Run) -> None:
    with pytest.raises(SystemExit):
        run("release rollback")


def test_a_failed_task_fires_is_in_the_status_holds_promotions_and_is_resolved_by_hand(
    run: Run, registry: Registry
) -> None:
    assert run("watch --once").startswith("1 firing")
    (alert,) = run("status --json")["alerts"]
    assert (alert["rule"], alert["severity"], alert["labels"]["task"]) == ("task_failed", "page", "ingest")
    assert "disk full" in run("alert list --json")["alerts"][0]["content"]["done"]
    assert any("task_failed" in held or "failed" in held for held in run("release list --json")["promotions_held_by"])
    registry.failures.end("ingest_events", "ingest")
    assert f"alert {alert['id']} (task_failed) is resolved" in run(
        f"alert resolve {alert['id']} --who ann", "--reason", "made room"
    )
    assert run("release list --json")["promotions_held_by"] == []
    run("watch --once")
    assert run("alert list --json")["alerts"] == []
    (old,) = run("alert list --all --json")["alerts"]
    assert (old["state"], old["closed_by"], old["closed_reason"]) == ("resolved", "ann", "made room")


def test_a_silence_is_made_listed_and_ended(run: Run) -> None:
    made = run("alert silence task_* --for 30m --match task=ingest --who ann --json", "--reason", "known")
    assert made["matcher"] == {"rule": "task_*", "task": "ingest"}
    lasting = datetime.fromisoformat(made["until"]) - datetime.fromisoformat(made["since"])
    assert lasting == timedelta(minutes=30)
    run("watch --once")
    assert [row["told"] for row in run("alert list --json")["alerts"]] == [None]
    run(f"alert silence {made['id']} --end", "--reason", "over")
    assert run("alert list --json")["silences"] == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("alert silence nothing_like_it", "no rule is named 'nothing_like_it'; rules are service_down"),
        ("alert silence task_failed --for soon", "'soon' is no time"),
        ("alert silence task_failed --for 31d", "longer than 30 days"),
        ("alert silence task_failed --for 0h", "or nothing"),
        ("alert silence task_failed --match task", "'task' is no label"),
        ("alert silence task_failed --end", "takes the id of a silence"),
        ("alert silence 7 --end", "no silence 7 is in force"),
        ("alert resolve 7", "alert 7 cannot be resolved"),
    ],
)
def test_what_is_typed_wrong_is_named(run: Run, line: str, message: str) -> None:
    with pytest.raises(HomefeedError, match=message):
        run(line, "--reason", "why")


def test_a_rules_file_with_an_unknown_key_is_told_before_anything_is_evaluated(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules: []\nrulez: []\n")
    monkeypatch.setenv("HOMEFEED_ALERTS__RULES_FILE", str(file))
    with pytest.raises(HomefeedError, match="rulez: Extra inputs"):
        run("watch --once")


def test_an_unusable_registry_is_an_error_of_the_watch(
    run: Run, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEFEED_ALERTS__PATIENCE_S", "0.01")
    with sqlite3.connect(tmp_path / "var" / "registry.db") as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(SystemExit) as caught:
            run("watch --once")
        holder.rollback()
    assert caught.value.code == 1


def test_the_service_follows_a_rollback_with_its_next_poll(run: Run, registry: Registry) -> None:
    from types import SimpleNamespace

    from serving.fleet import Releases

    bundle = lambda _, release, rest: SimpleNamespace(release=release)  # noqa: E731
    releases = Releases(load(), registry, bundle, lambda: False)  # type: ignore[arg-type]
    releases.refresh()
    assert releases.fleet.live is not None
    assert releases.fleet.live.release == "r2"
    run("release rollback", "--reason", "empty pages")
    releases.refresh()
    assert releases.fleet.live.release == "r1"
    assert load().serving.poll_s <= 2


def test_the_watch_runs_until_it_is_told_to_stop(run: Run, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFEED_ALERTS__INTERVAL_S", "0.05")
    script = "from homefeed.cli import main; main()"
    with subprocess.Popen([sys.executable, "-c", script, "watch"], stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not registry.alerts.holding() or registry.alerts.outbox():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "[PAGE] FIRING: Task ingest of DAG ingest_events failed" in said
