"""Airflow without its processes: DAGs run through `dag.test()`, and asset events start their consumers.

`dag.test()` runs each task in this process against a real Airflow database, in a home of its own, and records the
asset events that the tasks emit. What is left of the scheduler's work is to start the DAGs that wait for them;
`Headless` does that, with the events' extras as the configuration of the run.
"""

import importlib
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from homefeed.cli.airflow_home import airflow_environment, dags_folder
from homefeed.errors import HomefeedError

#: Told the name of a DAG when it starts (seconds is None) and when it has ended.
Watcher = Callable[[str, float | None], None]


class DagFailedError(HomefeedError):
    """A DAG run failed; the message names the task, the error and the log."""


class Headless:
    """Runs DAGs one after the other in this process.

    Only one can exist in a process: Airflow reads its environment when it is first imported.
    """

    def __init__(self, home: Path, watcher: Watcher = lambda name, seconds: None) -> None:
        """Make an Airflow home, its database and the DAGs.

        Args:
          home: folder of the Airflow home; made when missing.
          watcher: told about every DAG run.

        Raises:
          DagFailedError: a DAG file cannot be imported.
        """
        home.mkdir(parents=True, exist_ok=True)
        self.log, self._watcher = home / "headless.log", watcher
        environment = airflow_environment(home)
        for name in [n for n in os.environ if n.startswith("AIRFLOW")]:
            del os.environ[name]
        os.environ.update(environment)
        self._pending: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        self._errors: list[str] = []
        # Chooses the Keras that TensorFlow brings: tasks share this process, and another's import may come first.
        importlib.import_module("models")
        with quiet(self.log):
            from airflow.dag_processing.dagbag import DagBag
            from airflow.utils.db import initdb

            initdb()
            bag = DagBag(dags_folder())
        if bag.import_errors:
            raise DagFailedError(f"DAG files cannot be imported: {bag.import_errors}")
        self.dags: dict[str, Any] = bag.dags
        for dag in self.dags.values():
            for task in dag.tasks:
                # Trying again only helps where something else can change in between.
                task.retries = 0
                task.on_failure_callback = [self._note]

    def run(self, dag_id: str, conf: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Run one DAG to its end; returns the extras of the asset events it emitted, by asset name.

        Raises:
          DagFailedError: a task failed.
        """
        self._watcher(dag_id, None)
        began = time.monotonic()
        self._errors.clear()
        with quiet(self.log):
            run = self.dags[dag_id].test(run_conf=conf)
            emitted = _emitted(dag_id, run.run_id)
        if run.state != "success":
            causes = "; ".join(self._errors) or f"run ended {run.state}"
            raise DagFailedError(f"DAG {dag_id} failed: {causes}. The log is {self.log}")
        for asset, extras in emitted.items():
            for consumer in self._consumers(asset):
                self._pending[consumer][asset] += extras
        self._watcher(dag_id, time.monotonic() - began)
        return emitted

    def drain(self) -> dict[str, list[dict[str, Any]]]:
        """Run every DAG whose assets have events, until none is left; returns all extras emitted, by asset name."""
        emitted: dict[str, list[dict[str, Any]]] = defaultdict(list)
        while ready := self._ready():
            events = self._pending.pop(ready)
            for asset, extras in self.run(ready, {"events": events}).items():
                emitted[asset] += extras
        return emitted

    def _ready(self) -> str | None:
        for dag_id, dag in self.dags.items():
            waiting = self._pending.get(dag_id)
            if (
                waiting
                and dag.timetable.asset_condition is not None
                and _is_met(dag.timetable.asset_condition, set(waiting))
            ):
                return dag_id
        return None

    def _consumers(self, asset: str) -> Iterator[str]:
        for dag_id, dag in self.dags.items():
            condition = getattr(dag.timetable, "asset_condition", None)
            if condition is not None and asset in _names(condition):
                yield dag_id

    def _note(self, context: Any) -> None:
        task = context["ti"].task_id
        self._errors.append(f"task {task}: {type(context.get('exception')).__name__}: {context.get('exception')}")


def _is_met(condition: Any, updated: set[str]) -> bool:
    """Whether an asset condition holds when the assets named in `updated` have new events."""
    from airflow.sdk import AssetAll

    parts = getattr(condition, "objects", None)
    if parts is None:
        return condition.name in updated
    return (all if isinstance(condition, AssetAll) else any)(_is_met(part, updated) for part in parts)


def _names(condition: Any) -> set[str]:
    """Names of the assets that a condition speaks of."""
    parts = getattr(condition, "objects", None)
    return {condition.name} if parts is None else set().union(*map(_names, parts))


def _emitted(dag_id: str, run_id: str) -> dict[str, list[dict[str, Any]]]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    emitted: dict[str, list[dict[str, Any]]] = defaultdict(list)
    query = select(AssetEvent).where(AssetEvent.source_dag_id == dag_id, AssetEvent.source_run_id == run_id)
    with create_session() as session:
        for event in session.scalars(query.order_by(AssetEvent.id)):
            emitted[event.asset.name].append(dict(event.extra))
    return dict(emitted)


@contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Send everything that this process writes, also from C++, to the end of `log`."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)
