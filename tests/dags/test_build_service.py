"""The DAG of the Bento: what it hands on, and what it skips, with the reason."""

from pathlib import Path
from typing import Any

import pendulum
import pytest

from homefeed.settings import load


@pytest.mark.slow
def test_unchanged_code_and_an_image_nobody_asked_for_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from dags.build_service import dag

    tasks = {task.task_id: task.python_callable for task in dag.tasks}
    monkeypatch.setenv("HOMEFEED_VAR", str(tmp_path / "var"))
    made = tasks["bento"]()
    assert Path(made["path"]).is_relative_to(load().bundles_path)
    assert Path(made["dockerfile"]).is_file()
    with pytest.raises(AirflowSkipException, match=f"the code is that of {made['tag']}"):
        tasks["bento"]()

    with pytest.raises(AirflowSkipException, match="HOMEFEED_SERVING__BENTO_ENGINE=docker, podman or buildah asks"):
        tasks["image"]()
    engine = tmp_path / "engine"
    engine.write_text("#!/bin/sh\n")
    engine.chmod(0o755)
    monkeypatch.setenv("HOMEFEED_SERVING__BENTO_ENGINE", str(engine))
    # Also where the Bento was built before: that night had no engine, or its image failed.
    assert tasks["image"]() == made["tag"]
    with pytest.raises(AirflowSkipException, match=f"has built the image {made['tag']} before"):
        tasks["image"]()


def test_an_image_is_looked_at_also_when_nothing_was_built_and_hides_no_failure(parsed: dict[str, Any]) -> None:
    task = parsed["dags"]["build_service"]["tasks"]["image"]
    assert (task["upstream"], task["rule"]) == (["bento"], "none_failed")
    assert parsed["dags"]["build_service"]["timetable"] == "CronTriggerTimetable"


def test_a_platform_that_starts_an_hour_late_waits_for_the_next_night(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables import trigger
    from airflow.timetables.base import TimeRestriction

    from dags.build_service import dag

    monkeypatch.setattr(trigger, "utcnow", lambda: pendulum.datetime(2026, 11, 23, 5, 30))
    timetable = coerce_to_core_timetable(dag.timetable)
    first = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(None, None, catchup=False)
    )
    assert first is not None
    assert first.run_after == pendulum.datetime(2026, 11, 24, 4, 30)
