"""### Train the ranker when an hour of exposures has closed

Goes on from the training of the hour before with the newest exposures and a replay of older ones; at the first window
after `ranking.full_training_hour`, and when a setting of the ranker changed, it starts anew on every exposure. Each
head is calibrated on later windows, and measured on the newest ones, which it never saw, beside the live release when
there is one. The report of the training is linked from the task.

**Forgetting**: when the hour makes the predictions of the hour before worse than `ranking.max_older_ne_ratio` allows,
the weights stay as they were, only the calibration is new, the report and the metric `is_refused` say so, and the next
training starts anew.

**By hand**: `{"window": "20261123T2150Z"}`, the newest closed window it may see. The same window and the same table
versions give the same model.

**Several workers**: with `HOMEFEED_TRAINERS__WORKERS` the processes of `homefeed trainer` take part (docs/trainers.md).
When one is lost the task fails, and its next attempt goes on from where the training was, on the same table versions.

**When `check_inputs` fails**: the windows to train on break the input contract (docs/gates.md, G1): half a day is
missing, events count twice, come late or break the schema. Nothing is trained; its log says which check and windows.

**When it fails**: the live release keeps answering, so nothing is urgent. Too few exposures: look at
`build_features` first. Out of memory: lower `HOMEFEED_RANKING__MAX_TRAIN_ROWS`; as that changes a setting, the next
training starts anew. Then clear the task.
"""

from airflow.sdk import DAG, task

from dags.assets import RANKING_MODEL, TRAINING_HOUR
from dags.check_inputs import check_inputs
from dags.defaults import TRAIN, on_queue
from dags.references import newest, plain
from dags.report_link import ReportLink, push_report

with DAG("train_ranking", schedule=[TRAINING_HOUR], doc_md=__doc__, tags=["homefeed", "training"], **on_queue(TRAIN)):

    @task(outlets=[RANKING_MODEL])
    def train(*, outlet_events, **context):
        """Train, calibrate, measure, and hand on where the model is and what it was made from."""
        from homefeed.registry import open_registry
        from homefeed.settings import load
        from models.ranking.report import publish_report
        from models.ranking.train import train_ranking

        settings, window = load(), newest(context, TRAINING_HOUR, "window")["window"]
        live = open_registry(settings.resolved_registry_url).live()
        training = train_ranking(settings, window, live=live.id if live else None)
        push_report(context, settings, publish_report(settings, training))
        outlet_events[RANKING_MODEL].extra = plain({"window": window, **vars(training)})

    trained = train()
    check_inputs() >> trained
    trained.operator.operator_extra_links = (ReportLink(),)
