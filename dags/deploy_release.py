"""### Enter a bundle as a release and let the gates look at it

Enters each new bundle in SHADOW and runs the gates of its stage. A release that passes goes on to CANARY, RAMP and
LIVE as its evidence comes in (`monitor_release` looks again every window); one that fails is ROLLED_BACK and never
returns. Where `rollout.load_test` is on, the release is asked for more pages than the peak before that (G12).

**By hand**: `{"release": "r20261123T2200Z-1a2b3c", "window": "20261123T2150Z"}`.

**When it fails**: the release stays where it was and viewers notice nothing. A damaged bundle is a failed gate, not
a failed task; a failed task means that the registry or the lake could not be read, and says which.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

from dags.assets import BUNDLE, ROLLOUT
from dags.defaults import SERVE, on_queue
from dags.references import plain, references

with DAG("deploy_release", schedule=[BUNDLE], doc_md=__doc__, tags=["homefeed", "rollout"], **on_queue(SERVE)):

    @task
    def load_test(**context):
        """Ask each release of this run for more pages than the peak; skipped where `rollout.load_test` is off."""
        from airflow.sdk.exceptions import AirflowSkipException

        from homefeed.settings import load
        from serving.load_test import load_test, write_report

        settings = load()
        if not settings.rollout.load_test:
            raise AirflowSkipException("HOMEFEED_ROLLOUT__LOAD_TEST is off, so no release is asked to show its load")
        return [
            str(write_report(settings, reference["window"], load_test(settings, reference["release"])))
            for reference in references(context, BUNDLE, "release")
        ]

    # Without a load test the gate waits, so the release is entered all the same and stays in SHADOW.
    @task(outlets=[ROLLOUT], trigger_rule="all_done")
    def deploy(*, outlet_events, **context):
        """Enter every bundle of this run, oldest first, and look at each once."""
        from homefeed.clock import clock
        from homefeed.registry import open_registry
        from homefeed.settings import load
        from monitoring.rollout import step

        settings = load()
        registry, now = open_registry(settings.resolved_registry_url), clock(settings.clock_file)
        stages = {}
        for reference in references(context, BUNDLE, "release"):
            release, window = reference["release"], reference["window"]
            metrics = {part: reference.get(part, {}) for part in ("retrieval", "ranking", "index")}
            registry.add_release(release, release, now(), metrics)
            stages[release] = step(settings, release, window, now())
        outlet_events[ROLLOUT].extra = plain({"stages": stages})

    # A run is judged by its last task: this one is only well when both are, or no load test was asked for.
    tested, deployed = load_test(), deploy()
    tested >> deployed
    [tested, deployed] >> EmptyOperator(task_id="done", trigger_rule="none_failed")
