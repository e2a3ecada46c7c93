"""### Ingest the window that has just ended

Every ten minutes: files dropped in the landing folder join the event log, then every arrival window up to this one
that is not in the lake yet is validated, deduplicated and committed. Broken rows go to the `quarantine` table. Then
the event log is copied to the archive, where `storage.url` or `retention.archive_url` names an object store.

**By hand**: `{"window": "20261123T2210Z"}`. Running a window again leaves the same tables.

**When it fails**: the message names the file. A full disk or an unreadable landing file is mended outside, then
clear the task. Nothing is lost meanwhile: the event log keeps what was acknowledged, and the next run takes every
window that is due. When `ship` fails, the object store refuses or is gone: the log stays on this machine's disk, and
the next run copies what is missing.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, task

from dags.assets import EVENTS
from dags.defaults import INGEST, on_queue
from dags.references import plain, scheduled_window

with DAG(
    "ingest_events",
    schedule=CronDataIntervalTimetable("*/10 * * * *", timezone="UTC"),
    doc_md=__doc__,
    tags=["homefeed", "events"],
    **on_queue(INGEST),
):

    @task(outlets=[EVENTS])
    def ingest(*, outlet_events, data_interval_start=None, **context):
        """Commit every arrival window that is due; the asset event says which, and which event windows they touched."""
        from homefeed.ingest.window import ingest_due
        from homefeed.settings import load

        report = ingest_due(load(), scheduled_window(context, data_interval_start))
        outlet_events[EVENTS].extra = plain(vars(report))

    @task(trigger_rule="all_done")
    def ship(*, data_interval_start=None, **context):
        """Copy arrival windows that changed to the archive, where one is in an object store; returns which."""
        from homefeed.retention.archive import ship_closed
        from homefeed.settings import load

        settings = load()
        if not (settings.storage.url or settings.retention.archive_url):
            return None
        return plain(vars(ship_closed(settings, scheduled_window(context, data_interval_start))))

    # Also after a failure: what arrived is worth a copy all the more. A run is judged by its last task, and that of
    # this one is only well when both are.
    ingested, shipped = ingest(), ship()
    ingested >> shipped
    [ingested, shipped] >> EmptyOperator(task_id="done")
