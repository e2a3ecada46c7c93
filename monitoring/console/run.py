"""The tab of a DAG run: the reports that its tasks wrote, and where its looks left releases."""

from collections.abc import Mapping
from html import escape

from homefeed.report_page import document
from monitoring.console.desk import Desk
from monitoring.console.markup import badge, link, nothing, table
from monitoring.console.page import STYLE


def run_page(desk: Desk, reports: Mapping[str, str], stages: Mapping[str, str]) -> str:
    """The page of one run.

    Args:
      desk: whose view it is.
      reports: task -> path of its report under the reports folder.
      stages: release -> the stage in which a look of this run left it.
    """
    rows = [[link(desk.release_url(name), name), badge(stage)] for name, stage in stages.items()]
    body = table("Releases that this run looked at", ("release", "stage afterwards"), rows) if rows else ""
    for task, path in reports.items():
        url = f"{desk.root}/reports/{path}"
        body += f"<h2>Report of the task {escape(task)}</h2><p>{link(url, 'Open it alone')}</p>"
        body += f'<iframe src="{escape(url)}" title="Report of {escape(task)}"></iframe>'
    if not body:
        body = nothing("This run has written no report and has looked at no release.")
    return document("Run · Homefeed", f"<main>{body}</main>", STYLE)
