"""### Index the newest retriever and bundle it with the newest ranker

Waits for both models, builds the index over every video's vector, measures it against exact search, and puts
towers, ranker, index and manifest into the model store as one bundle: they can only be served together.

**By hand**: `{"events": {"retrieval_model": [{"path": ..., "id": ...}], "ranking_model": [{"path": ..., "id":
...}]}}` with the references that the two training runs handed on.

**When it fails**: the live release keeps answering. A model folder that is missing or altered is named in the
message: clear the training task that made it.
"""

from airflow.sdk import DAG, task

from dags.assets import BUNDLE, RANKING_MODEL, RETRIEVAL_MODEL
from dags.defaults import TRAIN, on_queue
from dags.references import newest, plain

with DAG(
    "build_index",
    schedule=RETRIEVAL_MODEL & RANKING_MODEL,
    doc_md=__doc__,
    tags=["homefeed", "training"],
    **on_queue(TRAIN),
):

    @task
    def index(**context):
        """Build the index of the newest retriever; returns its recall against exact search."""
        from pathlib import Path

        from homefeed.settings import load
        from models.index import build_index

        path, recall = build_index(load(), Path(newest(context, RETRIEVAL_MODEL, "path")["path"]))
        return plain({"path": path, "recall_at_1000": recall})

    @task(outlets=[BUNDLE])
    def bundle(built, *, outlet_events, **context):
        """Put both models and the index into the model store under one release id."""
        from pathlib import Path

        from homefeed.settings import load
        from models.bundle import build_bundle

        retrieval, ranking = newest(context, RETRIEVAL_MODEL, "path"), newest(context, RANKING_MODEL, "path")
        release = build_bundle(load(), Path(retrieval["path"]), Path(ranking["path"]))
        outlet_events[BUNDLE].extra = plain(
            {
                "release": release,
                "window": max(retrieval.get("window", ""), ranking.get("window", "")),
                "retrieval": retrieval,
                "ranking": ranking,
                "index": built,
            }
        )

    bundle(index())
