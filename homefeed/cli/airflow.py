"""`homefeed airflow ...`: Airflow's own command line, in the environment that the settings mean."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

#: From its first word on all is Airflow's: its options are not ours to understand.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


def command(arguments: Annotated[list[str], typer.Argument(help="Arguments of `airflow`.")]) -> None:
    """Run Airflow's command line on this site's database, DAGs and settings; in profile `cluster`, on its servers.

    Before a scheduler starts, the pools get the slots that the settings say.

    Example: HOMEFEED_PROFILE=cluster homefeed airflow celery worker --queues train --concurrency 1
    """
    from homefeed.cli.airflow_home import airflow_environment, cluster_environment
    from homefeed.cli.airflow_pools import import_pools
    from homefeed.settings import load
    from homefeed.settings.environment import environment

    settings = load()
    if settings.profile == "cluster":
        variables = cluster_environment(settings)
    else:
        variables = airflow_environment(settings.var / "airflow") | environment(settings)
    # Airflow starts its parts by name.
    folder = Path(sys.executable).parent
    variables["PATH"] = f"{folder}{os.pathsep}{variables.get('PATH', '')}"
    if arguments[0] == "scheduler":
        import_pools(settings, variables)
    sys.stdout.flush()
    os.execve(folder / "airflow", ["airflow", *arguments], variables)
