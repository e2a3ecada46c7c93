"""Airflow standalone as a child, and the few calls of its REST API that the supervisor needs."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from homefeed.cli.airflow_home import PASSWORDS, airflow_environment, dag_ids, token_secret
from homefeed.cli.supervisor.preflight import free_port
from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from homefeed.settings.environment import environment


class AirflowError(HomefeedError):
    """Airflow did not start, or refused a call."""


@dataclass(frozen=True)
class DagRun:
    """One run: its DAG, its state, and when it began."""

    dag_id: str
    run_id: str
    state: str


def command() -> list[str]:
    """API server, scheduler, DAG processor and triggerer in one process tree."""
    return [str(Path(sys.executable).with_name("airflow")), "standalone"]


def standalone_environment(settings: Settings, port: int, paused: bool) -> dict[str, str]:
    """Variables of Airflow standalone on `port`; `paused` says how DAGs start that it has not seen before."""
    home = settings.var / "airflow"
    ours = {
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": str(paused),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": token_secret(home),
        # A task whose process was killed is started again after this time instead of 5 minutes.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.absolute() / PASSWORDS),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }
    base = airflow_environment(home) | environment(settings) | ours
    # `airflow standalone` starts its parts by name.
    return base | {"PATH": f"{Path(sys.executable).parent}:{base.get('PATH', '')}"}


class Airflow:
    """A running Airflow behind its REST API."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self._home = url, home
        self._http = httpx.Client(base_url=url, timeout=30)

    @property
    def password(self) -> str:
        """Password of the user `admin`, which Airflow made up at its first start."""
        return str(orjson.loads((self._home / PASSWORDS).read_bytes())["admin"])

    def is_healthy(self) -> bool:
        """Whether scheduler and DAG processor beat and every DAG of ours is known: files are read one by one."""
        try:
            health = self._http.get("/api/v2/monitor/health").raise_for_status().json()
            beating = all(
                health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor")
            )
            return beating and self.dags().keys() >= dag_ids()
        except (httpx.HTTPError, OSError, ValueError, KeyError, AirflowError):
            return False

    def dags(self) -> dict[str, bool]:
        """DAG id -> whether it is paused."""
        return {dag["dag_id"]: dag["is_paused"] for dag in self._call("GET", "/api/v2/dags?limit=100")["dags"]}

    def set_pools(self, pools: Mapping[str, Mapping[str, Any]]) -> None:
        """Make pools, or give those that are there other slots."""
        entities = [{"name": name, **pool} for name, pool in pools.items()]
        action = {"action": "create", "action_on_existence": "overwrite", "entities": entities}
        refused = self._call("PATCH", "/api/v2/pools", {"actions": [action]})["create"]["errors"]
        if refused:
            raise AirflowError(f"Airflow does not make its pools, without which no task starts: {refused}")

    def unpause(self, *dag_ids: str) -> None:
        """Let DAGs run."""
        for dag_id in dag_ids:
            self._call("PATCH", f"/api/v2/dags/{dag_id}?update_mask=is_paused", {"is_paused": False})

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run; returns its id."""
        return str(
            self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        )

    def runs(self, since: str) -> list[DagRun]:
        """Runs that were asked for at `since` (ISO 8601) or later, oldest first."""
        query = httpx.QueryParams({"limit": 100, "order_by": "run_after", "run_after_gte": since})
        found = self._call("GET", f"/api/v2/dags/~/dagRuns?{query}")
        return [DagRun(run["dag_id"], run["dag_run_id"], run["state"]) for run in found["dag_runs"]]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        response = self._http.request(method, path, json=body, headers=self._authorization())
        if response.status_code == 401:
            del self._http.headers["Authorization"]
            response = self._http.request(method, path, json=body, headers=self._authorization())
        if response.is_error:
            raise AirflowError(f"Airflow answered {response.status_code} to {method} {path}: {response.text[:300]}")
        return response.json()

    def _authorization(self) -> dict[str, str]:
        if "Authorization" not in self._http.headers:
            login = {"username": "admin", "password": self.password}
            token = self._http.post("/auth/token", json=login).raise_for_status().json()["access_token"]
            self._http.headers["Authorization"] = f"Bearer {token}"
        return {}
