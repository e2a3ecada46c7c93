"""What every DAG has in common: one run at a time, three attempts, an owner."""

from datetime import UTC, datetime, timedelta
from typing import Any

TASK: dict[str, Any] = {
    "owner": "homefeed",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "execution_timeout": timedelta(minutes=30),
}
#: Runs of one DAG never overlap: each replaces whole windows of the same tables.
DAG_DEFAULTS: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": TASK,
}
