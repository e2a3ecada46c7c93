"""### Move old windows to the archive

Every day: windows of event log and lake that are older than `retention.hot_days` are copied to the archive, compressed;
each copy is read back and held against the original, and only then the original goes. Then files of old table
versions go, unless a kept release was trained on the version.

**By hand**: no configuration. `homefeed archive` does the same, `homefeed restore FIRST LAST` brings windows back.

**When it fails**: nothing is lost, as nothing goes before its copy was checked; disks fill up until it works again. The
message names the object and why the store refuses it. Mend that and clear the task: it goes on where it was.
"""

from airflow.sdk import DAG, CronDataIntervalTimetable, task

from dags.defaults import INGEST, on_queue
from dags.references import plain

with DAG(
    "archive_windows",
    schedule=CronDataIntervalTimetable("30 3 * * *", timezone="UTC"),
    doc_md=__doc__,
    tags=["homefeed", "events"],
    **on_queue(INGEST),
):

    @task
    def archive():
        """Copy, check, remove; returns what left."""
        from homefeed.clock import clock
        from homefeed.retention.archive import archive as move
        from homefeed.settings import load

        settings = load()
        return plain(vars(move(settings, clock(settings.clock_file)())))

    @task
    def vacuum():
        """Delete files of old table versions that no kept release needs; returns how many, by table."""
        from homefeed.retention.vacuum import vacuum as clean
        from homefeed.settings import load
        from models.bundle.shelf import kept_manifests

        settings = load()
        return plain(clean(settings, kept_manifests(settings)))

    archive() >> vacuum()
