"""The environment of an Airflow of our own: its home, our DAGs and nothing that the user's shell says about another."""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path


def dags_folder() -> Path:
    """Folder of the DAG files, wherever the package is installed."""
    spec = importlib.util.find_spec("dags")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def dag_ids() -> set[str]:
    """Ids of our DAGs: each has a file of its name, and what is no DAG is in `.airflowignore`."""
    ignored = (dags_folder() / ".airflowignore").read_text().split()
    return {file.stem for file in dags_folder().glob("*.py") if file.name not in ignored}


def airflow_environment(home: Path, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`base` without any `AIRFLOW*` variable, and with those of an Airflow that lives in `home`.

    One process parses the DAGs and few run tasks: Airflow's defaults are for a cluster, and each idle process costs
    memory that training needs.
    """
    ours = {
        "AIRFLOW_HOME": str(home.absolute()),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder()),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(dags_folder() / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {name: value for name, value in base.items() if not name.startswith("AIRFLOW")} | ours
