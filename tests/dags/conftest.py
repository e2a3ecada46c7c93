"""One parse of the DAG folder in a process of its own: Airflow reads its environment when it is first imported."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from homefeed.cli.airflow_home import airflow_environment, dags_folder

# Airflow makes its home when it is imported; a test must not make one for the user.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="homefeed-airflow-")

_PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import AssetAll
from airflow.serialization.serialized_objects import DagSerialization

bag = DagBag(sys.argv[1])
heavy = ["tensorflow", "feast", "bentoml", "evidently", "ibis", "duckdb", "pandas", "pyarrow", "deltalake", "sklearn"]
loaded = sorted(set(heavy) & set(sys.modules))

def condition(value):
    if value is None:
        return None
    parts = getattr(value, "objects", None)
    if parts is None:
        return value.name
    return {"all" if isinstance(value, AssetAll) else "any": [condition(part) for part in parts]}

dags = {}
for dag_id, dag in bag.dags.items():
    DagSerialization.serialize_dag(dag)
    dags[dag_id] = {
        "file": dag.fileloc,
        "condition": condition(getattr(dag.timetable, "asset_condition", None)),
        "timetable": type(dag.timetable).__name__,
        "tags": sorted(dag.tags),
        "doc": dag.doc_md or "",
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "tasks": {
            task.task_id: {
                "owner": task.owner,
                "queue": task.queue,
                "pool": task.pool,
                "retries": task.retries,
                "outlets": [asset.name for asset in task.outlets],
                "upstream": sorted(task.upstream_task_ids),
                "links": [link.name for link in task.operator_extra_links],
                "rule": str(getattr(task.trigger_rule, "value", task.trigger_rule)),
                "callbacks": [c.__name__ for c in (*task.on_failure_callback, *task.on_success_callback)],
            }
            for task in dag.tasks
        },
    }
print("RESULT" + json.dumps({"errors": bag.import_errors, "heavy": loaded, "dags": dags}))
"""


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow sees in the DAG folder."""
    home = tmp_path_factory.mktemp("airflow")
    command = [sys.executable, "-c", _PARSE, str(dags_folder())]
    run = subprocess.run(
        command, env=airflow_environment(home, os.environ), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    line = next(line for line in run.stdout.splitlines() if line.startswith("RESULT"))
    value: dict[str, Any] = json.loads(line.removeprefix("RESULT"))
    return value


@pytest.fixture
def dag_files() -> list[Path]:
    """Files of the folder that define a DAG."""
    helpers = {"__init__", "assets", "check_inputs", "defaults", "references", "report_link"}
    return sorted(file for file in dags_folder().glob("*.py") if file.stem not in helpers)
