"""A task that failed for good is in the registry until it succeeds; every task of every DAG says so."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from homefeed.registry import open_registry
from homefeed.settings import load


def context(error: BaseException | None = None) -> dict[str, Any]:
    """What Airflow gives a callback."""
    task = SimpleNamespace(dag_id="ingest_events", task_id="ingest", run_id="run-1")
    return {"task_instance": task} | ({"exception": error} if error else {})


def test_a_failure_is_kept_with_its_error_and_ends_with_a_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dags.defaults import end_failure, note_failure

    monkeypatch.setenv("HOMEFEED_VAR", str(tmp_path))
    registry = open_registry(load().resolved_registry_url)
    end_failure(context())
    note_failure(context(OSError("disk full")))
    (row,) = registry.failures.open()
    assert (row.dag, row.task, row.run, row.error) == ("ingest_events", "ingest", "run-1", "OSError: disk full")
    note_failure(context())
    assert [row.error for row in registry.failures.open()] == [""], "a task that was killed has no exception"
    end_failure(context())
    assert registry.failures.open() == []


def test_every_task_notes_its_failure(parsed: dict[str, Any]) -> None:
    for dag_id, dag in parsed["dags"].items():
        for task_id, task in dag["tasks"].items():
            assert task["callbacks"] == ["note_failure", "end_failure"], f"{dag_id}.{task_id}"


def test_the_alerts_are_evaluated_also_when_the_report_failed_and_hide_no_failure(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["monitor_release"]["tasks"]
    assert (tasks["alerts"]["upstream"], tasks["alerts"]["rule"]) == (["report"], "all_done")
    assert "alerts" not in tasks["rollout"]["upstream"]
    assert all("rollout" not in task["upstream"] for task in tasks.values()), "a leaf that fails fails the run"


def test_events_are_shipped_also_when_they_could_not_be_ingested_and_hide_no_failure(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["ingest_events"]["tasks"]
    assert (tasks["ship"]["upstream"], tasks["ship"]["rule"]) == (["ingest"], "all_done")
    assert (sorted(tasks["done"]["upstream"]), tasks["done"]["rule"]) == (["ingest", "ship"], "all_success")
    assert all("done" not in task["upstream"] for task in tasks.values()), "the last task decides about the run"


def test_a_release_is_entered_also_when_its_load_test_broke_and_hides_no_failure(parsed: dict[str, Any]) -> None:
    """A load test that was not asked for is skipped, and that is well."""
    tasks = parsed["dags"]["deploy_release"]["tasks"]
    assert (tasks["deploy"]["upstream"], tasks["deploy"]["rule"]) == (["load_test"], "all_done")
    assert (sorted(tasks["done"]["upstream"]), tasks["done"]["rule"]) == (["deploy", "load_test"], "none_failed")


def test_a_task_that_fails_is_alerted_within_15_minutes_of_its_first_attempt() -> None:
    """Three attempts half a minute apart, an evaluation every half minute, and no time that the rule waits."""
    from dags.defaults import TASK
    from homefeed.settings import load
    from monitoring.alerts.rules import load_rules

    rules = [rule for rule in load_rules() if rule.measure == "failed_tasks"]
    attempts_s = TASK["retries"] * TASK["retry_delay"].total_seconds()
    assert {rule.name for rule in rules} == {"task_failed", "training_failed", "upkeep_failed"}
    assert all(attempts_s + rule.for_s + load().alerts.interval_s <= 900 for rule in rules)


def test_a_failure_in_any_dag_is_alerted_by_one_rule(parsed: dict[str, Any]) -> None:
    from monitoring.alerts.rules import load_rules

    covered = [dag for rule in load_rules() if rule.measure == "failed_tasks" for dag in rule.labels["dag"]]
    assert sorted(covered) == sorted(parsed["dags"])
