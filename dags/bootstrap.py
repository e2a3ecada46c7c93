"""### Bring a range of arrival windows into the lake at once

What a new site starts with: the event log holds a history (written by `homefeed world` or `homefeed import`), and
this run ingests all of it in bulk. Its asset event then drives features, training, index and the first release, by
the same DAGs that run every ten minutes.

**By hand**: give the first and the last window of the history.

**When it fails**: the message names the window. Clear the task: windows already in the lake are replaced by the
same rows.
"""

from airflow.sdk import DAG, Param, task

from dags.assets import EVENTS
from dags.defaults import INGEST, on_queue
from dags.references import plain

with DAG(
    "bootstrap",
    schedule=None,
    doc_md=__doc__,
    tags=["homefeed", "events"],
    params={
        "first": Param("20261121T0000Z", type="string", pattern=r"^\d{8}T\d{4}Z$", description="First arrival window."),
        "last": Param("20261122T2350Z", type="string", pattern=r"^\d{8}T\d{4}Z$", description="Last arrival window."),
    },
    **on_queue(INGEST),
):

    @task(outlets=[EVENTS])
    def ingest(*, outlet_events, params, **_):
        """Commit every arrival window of the range."""
        from homefeed.ingest.window import ingest_windows
        from homefeed.settings import load
        from homefeed.windows import span

        report = ingest_windows(load(), span(params["first"], params["last"]))
        outlet_events[EVENTS].extra = plain(vars(report))

    ingest()
