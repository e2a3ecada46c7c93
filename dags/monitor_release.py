"""### Look at the live release and at every rollout, each window

Writes the drift, calibration and quality report of the live release on the newest exposures (linked from the task),
then lets the gates look at each release in rollout and at the guardrails of the live one. Beside that, the
calibrators of the live release and of those in rollout are fitted again to the newest windows, and so are their
corrections of videos that viewers watch more or less than was promised; what is better answers from then on.
What viewers did with the pages of each release and arm goes into table `online_metrics`. Drift that lasts, and
miscalibration that no refit mends, start a training between the hours.
The alert rules are evaluated too, as `homefeed watch` does all the time: so a watch that died is alerted.

**By hand**: `{"window": "20261123T2150Z"}`, a window whose exposures are published.

**When it fails**: rollouts stand still, which is safe; the live release keeps answering. Clear the task once the
cause that the message names is mended.
"""

from airflow.sdk import DAG, task

from dags.assets import EXPOSURES, ROLLOUT, TRAINING_HOUR
from dags.defaults import SERVE, on_queue
from dags.references import newest, plain, references
from dags.report_link import ReportLink, push_report

with DAG("monitor_release", schedule=[EXPOSURES], doc_md=__doc__, tags=["homefeed", "rollout"], **on_queue(SERVE)):

    @task
    def report(**context):
        """Write the report of the newest published window; skipped while no release is live, or none that this version
        of the code can compute."""
        from airflow.sdk.exceptions import AirflowSkipException

        from homefeed.settings import load
        from monitoring.report import MonitoringError, monitor_window

        settings = load()
        try:
            written = monitor_window(settings, newest(context, EXPOSURES, "window")["window"])
        except MonitoringError as error:
            raise AirflowSkipException(str(error)) from error
        push_report(context, settings, written.html)
        return plain(vars(written))

    @task
    def online_metrics(**context):
        """Measure what viewers did with the pages of each release and arm, in every published window of a release."""
        from homefeed.settings import load
        from monitoring.online.window_metrics import publish_served_windows

        published = {w for r in references(context, EXPOSURES, "window") for w in r.get("windows", [r["window"]])}
        return plain(publish_served_windows(load(), sorted(published)))

    @task
    def calibration(**context):
        """Fit calibrators and corrections again, of the live release and of those in rollout, which would else be
        compared without; skipped while no release is live."""
        from airflow.sdk.exceptions import AirflowSkipException

        from homefeed.settings import load
        from monitoring.live_calibration import calibrate_window

        done = calibrate_window(load(), newest(context, EXPOSURES, "window")["window"])
        if not done:
            raise AirflowSkipException("no release is live that could be calibrated")
        return plain(done)

    @task(outlets=[TRAINING_HOUR], trigger_rule="none_failed")
    def retraining(*, outlet_events, **context):
        """Say that it is time to train when drift or miscalibration lasts; skipped when neither does."""
        from airflow.sdk.exceptions import AirflowSkipException

        from homefeed.settings import load
        from monitoring.retraining import start_retraining

        started = start_retraining(load(), newest(context, EXPOSURES, "window")["window"])
        if started is None:
            raise AirflowSkipException("no drift and no miscalibration lasts, or a training was started for it already")
        outlet_events[TRAINING_HOUR].extra = plain(vars(started))

    @task(outlets=[ROLLOUT], trigger_rule="none_failed")
    def rollout(*, outlet_events, **context):
        """Let the gates look at everything that is in rollout or live."""
        from homefeed.settings import load
        from monitoring.rollout import step_all

        window = newest(context, EXPOSURES, "window")["window"]
        outlet_events[ROLLOUT].extra = plain({"window": window, "stages": step_all(load(), window)})

    @task(trigger_rule="all_done")
    def alerts():
        """Evaluate the alert rules on what this run has found, also when a part of it failed."""
        from homefeed.clock import clock
        from homefeed.registry import open_registry
        from homefeed.settings import load
        from monitoring.alerts.evaluation import evaluate_now
        from monitoring.alerts.rules import load_rules
        from monitoring.alerts.sinks import sinks_of

        settings = load()
        registry, rules = open_registry(settings.resolved_registry_url), load_rules(settings.alerts.rules_file)
        now = clock(settings.clock_file)()
        return plain(vars(evaluate_now(settings, registry, rules, sinks_of(settings), "airflow", now)))

    reported = report()
    reported.operator.operator_extra_links = (ReportLink(),)
    # Both stand beside the rollout, so that their failure holds nothing up, and that of the rollout fails the run.
    reported >> [rollout(), alerts()]
    [reported, calibration()] >> retraining()
    online_metrics()
