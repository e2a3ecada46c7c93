"""What is printed when the platform runs: where everything is, and one viewer's page."""

from typing import Any

from rich.console import Group
from rich.table import Table

from homefeed.cli.feed import fetch, page_table
from homefeed.cli.supervisor.airflow import Airflow
from homefeed.settings import Settings

#: Slots shown; `homefeed feed` prints all of them.
PAGE_SLOTS = 20


def greeting(settings: Settings, airflow: Airflow, url: str, release: str, user: str) -> Any:
    """The URLs, and the top of one viewer's page, ready for rich."""
    page = fetch(url, {"user": user, "num": PAGE_SLOTS})
    where = Table.grid(padding=(0, 2))
    where.add_row("home page", url)
    where.add_row("API docs", f"{url}/docs")
    where.add_row("Airflow", f"{airflow.url}  (user admin, password {airflow.password})")
    where.add_row("team page", f"{airflow.url}/plugin/homefeed  (what is live, alerts, rollouts; orders)")
    where.add_row("reports", f"{airflow.url}/homefeed/reports  (files in {settings.reports_path.absolute()})")
    where.add_row("live release", release)
    where.add_row("stop", "Ctrl-C; `make run` resumes from here")
    return Group(page_table(page), "", where, "")
