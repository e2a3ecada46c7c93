"""The button on a task that opens the report it wrote."""

import attrs
from airflow.sdk import BaseOperatorLink

#: Where the plugin serves the files under `settings.reports_path`.
PREFIX = "/homefeed/reports"
XCOM_KEY = "report"


def push_report(context, settings, html):
    """Let the button of the running task open `html`, a file under the reports folder."""
    path = html.absolute().relative_to(settings.reports_path.absolute())
    context["ti"].xcom_push(key=XCOM_KEY, value=path.as_posix())


@attrs.define
class ReportLink(BaseOperatorLink):
    """Opens the HTML report whose path under the reports folder the task pushed as `report`."""

    name = "Report"

    def get_link(self, operator, *, ti_key):
        """URL of the report; empty when the task wrote none."""
        from airflow.sdk.execution_time.xcom import XCom

        path = XCom.get_value(key=XCOM_KEY, ti_key=ti_key)
        return f"{PREFIX}/{path}" if path else ""
