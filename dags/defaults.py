"""What every DAG has in common: one run at a time, three attempts, an owner, and queue and pool by its kind of work."""

from datetime import UTC, datetime, timedelta
from typing import Any


def note_failure(context: Any) -> None:
    """Remember in the registry that a task failed for good, for the alert `task_failed`."""
    from homefeed.clock import clock
    from homefeed.registry import open_registry
    from homefeed.settings import load

    settings, task = load(), context["task_instance"]
    error = f"{type(context['exception']).__name__}: {context['exception']}" if context.get("exception") else ""
    now = clock(settings.clock_file)()
    open_registry(settings.resolved_registry_url).failures.note(task.dag_id, task.task_id, task.run_id, now, error)


def end_failure(context: Any) -> None:
    """The task has succeeded: what failed before is mended."""
    from homefeed.registry import open_registry
    from homefeed.settings import load

    task = context["task_instance"]
    open_registry(load().resolved_registry_url).failures.end(task.dag_id, task.task_id)


TASK: dict[str, Any] = {
    "owner": "homefeed",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "execution_timeout": timedelta(minutes=30),
    "on_failure_callback": note_failure,
    "on_success_callback": end_failure,
}
#: Kinds of work: each is a queue, for workers of its own, and a pool, which bounds the tasks that run at once whatever
#: the executor. An executor without queues runs every task.
INGEST, TRAIN, SERVE = "ingest", "train", "serve"
#: Runs of one DAG never overlap: each replaces whole windows of the same tables.
DAG_DEFAULTS: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": TASK,
}


def on_queue(queue: str) -> dict[str, Any]:
    """`DAG_DEFAULTS` with tasks that only workers of `queue` take, in the pool of its name (`platform.*_slots`).

    Training has machines of its own in a cluster.
    """
    return {**DAG_DEFAULTS, "default_args": {**TASK, "queue": queue, "pool": queue}}
