"""### Look at the live release and at every rollout, each window

Writes the drift, calibration and quality report of the live release on the newest exposures (linked from the task),
then lets the gates look at each release in rollout and at the guardrails of the live one.

**By hand**: `{"window": "20261123T2150Z"}`, a window whose exposures are published.

**When it fails**: rollouts stand still, which is safe; the live release keeps answering. Clear the task once the
cause that the message names is mended.
"""

from airflow.sdk import DAG, task

from dags.assets import EXPOSURES, ROLLOUT
from dags.defaults import DAG_DEFAULTS
from dags.references import newest, plain
from dags.report_link import ReportLink, push_report

with DAG("monitor_release", schedule=[EXPOSURES], doc_md=__doc__, tags=["homefeed", "rollout"], **DAG_DEFAULTS):

    @task
    def report(**context):
        """Write the report of the newest published window; skipped while no release is live."""
        from airflow.sdk.exceptions import AirflowSkipException

        from homefeed.registry import open_registry
        from homefeed.settings import load
        from monitoring.report import monitor_window

        settings = load()
        if open_registry(settings.resolved_registry_url).live() is None:
            raise AirflowSkipException("no release is live, so there is nothing to report on")
        written = monitor_window(settings, newest(context, EXPOSURES, "window")["window"])
        push_report(context, settings, written.html)
        return plain(vars(written))

    @task(outlets=[ROLLOUT], trigger_rule="none_failed")
    def rollout(*, outlet_events, **context):
        """Let the gates look at everything that is in rollout or live."""
        from homefeed.settings import load
        from monitoring.rollout import step_all

        window = newest(context, EXPOSURES, "window")["window"]
        outlet_events[ROLLOUT].extra = plain({"window": window, "stages": step_all(load(), window)})

    reported = report()
    reported.operator.operator_extra_links = (ReportLink(),)
    reported >> rollout()
