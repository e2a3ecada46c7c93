"""### Train the retriever when an hour of exposures has closed

Goes on from the training of the hour before with the newest watches and a replay of older ones; at the first window
after `retrieval.full_training_hour`, and when a setting of the retriever changed, it starts anew on every watch. The
newest windows are kept out to measure it; the report is linked from the task.

**By hand**: `{"window": "20261123T2150Z"}`, the newest closed window it may see. The same window and the same table
versions give the same model.

**Several workers**: with `HOMEFEED_TRAINERS__WORKERS` the processes of `homefeed trainer` take part, in one training at
a time (docs/trainers.md). When one is lost the task fails, and its next attempt goes on from where the training was, on
the same table versions.

**When `check_inputs` fails**: the windows to train on break the input contract (docs/gates.md, G1), so nothing is
trained; its log says which check and windows.

**When it fails**: the live release keeps answering, so nothing is urgent; the next hour learns what this one missed.
Too few watches: look at `ingest_events` first. Out of memory: lower `HOMEFEED_RETRIEVAL__BATCH_SIZE`; as that changes a
setting, the next training starts anew. Then clear the task.
"""

from airflow.sdk import DAG, task

from dags.assets import RETRIEVAL_MODEL, TRAINING_HOUR
from dags.check_inputs import check_inputs
from dags.defaults import TRAIN, on_queue
from dags.references import newest, plain
from dags.report_link import ReportLink, push_report

with DAG("train_retrieval", schedule=[TRAINING_HOUR], doc_md=__doc__, tags=["homefeed", "training"], **on_queue(TRAIN)):

    @task(outlets=[RETRIEVAL_MODEL])
    def train(*, outlet_events, **context):
        """Train, measure, and hand on where the model is and what it was made from."""
        from homefeed.settings import load
        from models.retrieval.report import publish_report
        from models.retrieval.train import train_retrieval

        settings, window = load(), newest(context, TRAINING_HOUR, "window")["window"]
        training = train_retrieval(settings, window)
        push_report(context, settings, publish_report(settings, training))
        outlet_events[RETRIEVAL_MODEL].extra = plain({"window": window, **vars(training)})

    trained = train()
    check_inputs() >> trained
    trained.operator.operator_extra_links = (ReportLink(),)
