"""The environment of an Airflow of our own: its home, our DAGs and nothing that the user's shell says about another."""

import contextlib
import importlib.util
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from homefeed.settings.environment import environment

PASSWORDS = "simple_auth_manager_passwords.json.generated"


class AirflowHomeError(HomefeedError):
    """Airflow cannot be started as the settings are; the message names the variable."""


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


def cluster_environment(settings: Settings, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of every Airflow process of a cluster: scheduler, API server, DAG processor and Celery workers.

    All of them take it from the same settings and the same `var/airflow`, where the secret of their tokens is.

    Raises:
      AirflowHomeError: one of the servers is not set.
    """
    knobs, home = settings.platform, settings.var / "airflow"
    for name in ("airflow_database_url", "airflow_broker_url"):
        if not getattr(knobs, name):
            raise AirflowHomeError(
                f"Airflow of profile cluster has no server of its own: set HOMEFEED_PLATFORM__{name.upper()}, or "
                "HOMEFEED_PROFILE=local (docs/cluster.md)"
            )
    database = make_url(knobs.airflow_database_url)
    if database.get_backend_name() != "postgresql":
        raise AirflowHomeError(
            f"HOMEFEED_PLATFORM__AIRFLOW_DATABASE_URL is {database.render_as_string()}: Airflow with several workers "
            "needs PostgreSQL, as postgresql+psycopg://user:password@host/airflow"
        )
    url = knobs.airflow_url or f"http://127.0.0.1:{knobs.airflow_port}"
    ours = {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__PARALLELISM": "32",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _with_driver(database, "psycopg"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": _with_driver(database, "psycopg_async"),
        "AIRFLOW__CELERY__BROKER_URL": knobs.airflow_broker_url,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{_with_driver(database, 'psycopg')}",
        "AIRFLOW__CELERY__OPERATION_TIMEOUT": "10",
        # A task that its worker held is another's after a day; a killed one is started again by the heartbeat below.
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
        "AIRFLOW__OPERATORS__DEFAULT_QUEUE": "serve",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__API__PORT": str(knobs.airflow_port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": token_secret(home),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.absolute() / PASSWORDS),
    }
    return airflow_environment(home, base) | environment(settings) | ours


def token_secret(home: Path) -> str:
    """What Airflow signs its tokens with: made once, so that a login outlives a restart; only its owner may read it."""
    file = home / "jwt_secret"
    if not file.exists():
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f".jwt_secret.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        # Several processes of a cluster may start at once: the first one's secret counts for all.
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    return file.read_text()


def _with_driver(url: URL, driver: str) -> str:
    return url.set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)
