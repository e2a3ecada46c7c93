"""The DAGs as Airflow reads them: they import, are light to parse, and are joined by the assets of the design."""

from pathlib import Path
from typing import Any

CHAIN = {
    "ingest_events": None,
    "bootstrap": None,
    "build_features": {"all": ["events"]},
    "train_retrieval": {"all": ["training_hour"]},
    "train_ranking": {"all": ["training_hour"]},
    "build_index": {"all": ["retrieval_model", "ranking_model"]},
    "deploy_release": {"all": ["bundle"]},
    "monitor_release": {"all": ["exposures"]},
    "archive_windows": None,
    "build_service": None,
}
OUTLETS = {
    "ingest_events": {"events"},
    "bootstrap": {"events"},
    "build_features": {"exposures", "training_hour"},
    "train_retrieval": {"retrieval_model"},
    "train_ranking": {"ranking_model"},
    "build_index": {"bundle"},
    "deploy_release": {"rollout"},
    "monitor_release": {"rollout", "training_hour"},
    "archive_windows": set(),
    "build_service": set(),
}


def test_every_file_holds_the_dag_of_its_name_and_no_other(parsed: dict[str, Any], dag_files: list[Path]) -> None:
    assert parsed["errors"] == {}
    assert {dag_id: Path(dag["file"]).stem for dag_id, dag in parsed["dags"].items()} == {
        f.stem: f.stem for f in dag_files
    }
    assert set(parsed["dags"]) == set(CHAIN)


def test_the_supervisor_waits_for_every_dag(parsed: dict[str, Any]) -> None:
    from homefeed.cli.airflow_home import dag_ids

    assert dag_ids() == set(parsed["dags"])


def test_parsing_imports_nothing_heavy(parsed: dict[str, Any]) -> None:
    assert parsed["heavy"] == []


def test_assets_join_the_dags(parsed: dict[str, Any]) -> None:
    assert {dag_id: dag["condition"] for dag_id, dag in parsed["dags"].items()} == CHAIN
    emitted = {
        dag_id: {asset for task in dag["tasks"].values() for asset in task["outlets"]}
        for dag_id, dag in parsed["dags"].items()
    }
    assert emitted == OUTLETS


def test_every_ten_minutes_means_the_window_that_has_just_ended(parsed: dict[str, Any]) -> None:
    assert parsed["dags"]["ingest_events"]["timetable"] == "CronDataIntervalTimetable"


def test_runs_of_a_dag_never_overlap_and_never_catch_up_by_themselves(parsed: dict[str, Any]) -> None:
    assert all(dag["max_active_runs"] == 1 and dag["catchup"] is False for dag in parsed["dags"].values())


def test_an_operator_finds_an_owner_tags_retries_and_what_to_do_when_it_fails(parsed: dict[str, Any]) -> None:
    for dag_id, dag in parsed["dags"].items():
        assert "homefeed" in dag["tags"], dag_id
        assert len(dag["tags"]) == 2, dag_id
        assert "**When it fails**" in dag["doc"], dag_id
        assert "**By hand**" in dag["doc"], dag_id
        for task_id, task in dag["tasks"].items():
            assert task["owner"] == "homefeed", task_id
            assert task["retries"] >= 1, task_id


def test_reports_are_buttons_on_the_tasks_that_wrote_them(parsed: dict[str, Any]) -> None:
    links = {
        (dag_id, task_id): task["links"]
        for dag_id, dag in parsed["dags"].items()
        for task_id, task in dag["tasks"].items()
        if task["links"]
    }
    tasks = (("monitor_release", "report"), ("train_ranking", "train"), ("train_retrieval", "train"))
    assert links == {key: ["Report"] for key in tasks}


def test_each_kind_of_work_has_a_queue(parsed: dict[str, Any]) -> None:
    """A worker for training takes nothing else, and no training waits in front of a release."""
    queues = {dag_id: {task["queue"] for task in dag["tasks"].values()} for dag_id, dag in parsed["dags"].items()}
    assert {dag_id for dag_id, found in queues.items() if found == {"train"}} == {
        "train_retrieval",
        "train_ranking",
        "build_index",
    }
    assert {"serve"} == queues["deploy_release"] == queues["monitor_release"] == queues["build_service"]
    assert {"ingest"} == queues["ingest_events"] == queues["build_features"] == queues["archive_windows"]
