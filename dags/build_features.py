"""### Publish exposures and features of the windows that new events touched

Joins impressions with what followed once their label windows have closed, recomputes the aggregates and the viewers'
state, brings the online store up to date and writes the snapshot of candidate features that the service reads. When
an hour of exposures has closed, it says that it is time to train.

**By hand**: `{"touched": ["20261123T2210Z"], "arrivals": ["20261123T2210Z"]}`. Publishing a window again leaves the
same rows.

**When it fails**: pages keep coming from the features of the last window that worked. Clear the failed task; the
later ones follow. If only `online` fails, the online store is the cause.
"""

from airflow.sdk import DAG, task

from dags.assets import EVENTS, EXPOSURES, TRAINING_HOUR
from dags.defaults import INGEST, on_queue
from dags.references import collected, plain

with DAG("build_features", schedule=[EVENTS], doc_md=__doc__, tags=["homefeed", "features"], **on_queue(INGEST)):

    @task
    def exposures(**context):
        """Join the impressions of every window that is due with what followed."""
        from feature_repo.due import due_windows, unpublished_windows
        from feature_repo.exposures import publish_exposures
        from homefeed.registry import open_registry
        from homefeed.settings import load

        settings = load()
        watermark = open_registry(settings.resolved_registry_url).watermark()
        due = {
            *due_windows(collected(context, EVENTS, "touched"), watermark),
            *unpublished_windows(settings, watermark),
        }
        return plain(vars(publish_exposures(settings, sorted(due))))

    @task
    def aggregates(**context):
        """Sum what viewers, videos, channels and topics did over 10 minutes to 7 days."""
        from feature_repo.aggregates import publish_aggregates
        from homefeed.settings import load

        return plain(publish_aggregates(load(), collected(context, EVENTS, "touched")))

    @task
    def user_state(**context):
        """Bring histories, subscriptions and profiles up to date."""
        from feature_repo.user_state import publish_user_state
        from homefeed.settings import load

        return plain(publish_user_state(load(), collected(context, EVENTS, "touched")))

    @task
    def online(**context):
        """Write the rows of viewers that changed into the online store; returns how many."""
        from feature_repo.online import apply, materialize
        from homefeed.settings import load

        settings = load()
        apply(settings)
        return materialize(settings, collected(context, EVENTS, "touched"))

    @task
    def snapshot():
        """Write the candidate features that the service reads."""
        from feature_repo.snapshot import write_snapshot
        from homefeed.registry import open_registry
        from homefeed.settings import load

        settings = load()
        return str(write_snapshot(settings, open_registry(settings.resolved_registry_url).watermark()))

    @task(outlets=[EXPOSURES])
    def published(exposed, online_rows, path, *, outlet_events):
        """Say which windows are published, and which version of each table holds them; skipped when none was due."""
        from airflow.sdk.exceptions import AirflowSkipException

        from homefeed.lake import open_lake
        from homefeed.settings import load

        if not exposed["windows"]:
            raise AirflowSkipException("no window was due: its label windows have not closed yet")
        lake = open_lake(load().lake_path)
        outlet_events[EXPOSURES].extra = {
            "window": max(exposed["windows"]),
            "windows": exposed["windows"],
            "exposures": {"positive": exposed["positive"], "negative": exposed["negative"]},
            "online_rows": online_rows,
            "snapshot": path,
            "versions": {table: lake.version(table) for table in lake.schemas},
        }

    @task(outlets=[TRAINING_HOUR])
    def training_hour(*, outlet_events, **context):
        """Say that it is time to train; skipped unless the newest full hour of exposures has closed just now."""
        from airflow.sdk.exceptions import AirflowSkipException

        from homefeed.registry import open_registry
        from homefeed.settings import load
        from homefeed.windows import closes_hour, shift, span

        watermark = open_registry(load().resolved_registry_url).watermark()
        newest = shift(watermark, -1)
        hour = closes_hour(span(shift(newest, -5), newest))
        if shift(hour, 1) not in collected(context, EVENTS, "arrivals"):
            raise AirflowSkipException(
                f"the exposures up to {hour} have been there before; the next hour has not closed"
            )
        outlet_events[TRAINING_HOUR].extra = {"window": newest}

    exposed, summed, known = exposures(), aggregates(), user_state()
    rows = online()
    [summed, known] >> rows
    path = snapshot()
    summed >> path
    done = published(exposed, rows, path)
    [known, summed] >> done
    done >> training_hour()
