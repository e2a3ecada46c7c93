"""Airflow's pools, one for each kind of work, with the slots that the settings say.

Airflow leaves a task whose pool does not exist where it is, without a word. So whoever starts a scheduler makes the
pools: `homefeed run` by the REST API, `homefeed airflow scheduler` and, for a scheduler that is started otherwise,
`python -m homefeed.cli.airflow_pools` by Airflow's command line.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

from homefeed.cli.airflow_home import AirflowHomeError
from homefeed.settings import Settings, load


def pools(settings: Settings) -> dict[str, dict[str, Any]]:
    """Name of each pool -> its slots and what it is for, as Airflow's `pools import` reads them."""
    knobs = settings.platform
    return {
        "ingest": _pool(knobs.ingest_slots, "Tasks that read and write the lake"),
        "train": _pool(knobs.train_slots, "Trainings and indexes"),
        "serve": _pool(knobs.serve_slots, "Tasks that move releases"),
    }


def _pool(slots: int, description: str) -> dict[str, Any]:
    return {"slots": slots, "description": description, "include_deferred": False}


def import_pools(settings: Settings, environment: Mapping[str, str]) -> None:
    """Make the pools in the database of `environment`, or give those that are there the slots of the settings.

    Raises:
      AirflowHomeError: Airflow refuses; the message is its own.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(pools(settings), file)
        file.flush()
        command = ["airflow", "pools", "import", file.name]
        run = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if run.returncode:
        raise AirflowHomeError(
            f"Airflow's pools cannot be made: {(run.stderr or run.stdout).strip()[-500:]}. Without them no task "
            "starts; is its database there, and was `homefeed airflow db migrate` run?"
        )


if __name__ == "__main__":
    import_pools(load(), os.environ)
