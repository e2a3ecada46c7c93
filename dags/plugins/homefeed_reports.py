"""Airflow UI: a page that lists Homefeed's reports, and the reports themselves, for whoever may see plugins.

An app that a plugin mounts has no authentication of its own, so every route asks Airflow for it.
"""

from html import escape
from pathlib import Path

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse

app = FastAPI(openapi_url=None, dependencies=[Depends(requires_access_view(AccessView.PLUGINS))])


@app.get("/reports", response_class=HTMLResponse)
def reports() -> str:
    """The newest reports, a link each."""
    from homefeed.registry import open_registry
    from homefeed.settings import load

    settings = load()
    rows = [
        f"<tr><td>{escape(r.kind)}</td><td>{escape(r.window)}</td><td>{escape(r.release)}</td>"
        f'<td><a href="reports/{escape(_inside(Path(r.path), settings.reports_path))}">open</a></td></tr>'
        for r in open_registry(settings.resolved_registry_url).reports()
    ]
    head = "<tr><th>report</th><th>window</th><th>release or training</th><th></th></tr>"
    style = "body{font:14px sans-serif;margin:2em}td,th{text-align:left;padding:.3em 1em .3em 0}"
    body = (
        f"<table>{head}{''.join(rows)}</table>" if rows else "<p>No report yet: they begin with the first training.</p>"
    )
    return f"<!doctype html><title>Homefeed reports</title><style>{style}</style><h1>Reports</h1>{body}"


@app.get("/reports/{path:path}")
def report(path: str) -> FileResponse:
    """One file of the reports folder."""
    from homefeed.settings import load

    folder = load().reports_path.resolve()
    file = (folder / path).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise HTTPException(404, f"there is no report {path}")
    return FileResponse(file)


def _inside(path: Path, folder: Path) -> str:
    """`path` as the URL names it: relative to the reports folder."""
    absolute = path if path.is_absolute() else Path.cwd() / path
    return absolute.resolve().relative_to(folder.resolve()).as_posix()


class HomefeedReports(AirflowPlugin):
    """Mounts the app and puts it into the navigation."""

    name = "homefeed_reports"
    fastapi_apps = [{"app": app, "url_prefix": "/homefeed", "name": "Homefeed reports"}]  # noqa: RUF012 - Airflow's contract
    external_views = [  # noqa: RUF012 - Airflow's contract
        {
            "name": "Homefeed reports",
            "href": "/homefeed/reports",
            "destination": "nav",
            "category": "browse",
            "url_route": "homefeed-reports",
        }
    ]
