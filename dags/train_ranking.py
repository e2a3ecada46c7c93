"""### Train the ranker when an hour of exposures has closed

Fits one head per target on the exposures up to the newest closed window, calibrates each head on later windows, and
measures it on the newest ones, which it never saw.

**By hand**: `{"window": "20261123T2150Z"}`, the newest closed window it may see. The same window and the same table
versions give the same model.

**When it fails**: the live release keeps answering, so nothing is urgent. Too few exposures: look at
`build_features` first. Out of memory: lower `HOMEFEED_RANKING__BATCH_SIZE`. Then clear the task.
"""

from airflow.sdk import DAG, task

from dags.assets import RANKING_MODEL, TRAINING_HOUR
from dags.defaults import DAG_DEFAULTS
from dags.references import newest, plain

with DAG("train_ranking", schedule=[TRAINING_HOUR], doc_md=__doc__, tags=["homefeed", "training"], **DAG_DEFAULTS):

    @task(outlets=[RANKING_MODEL])
    def train(*, outlet_events, **context):
        """Train, calibrate, measure, and hand on where the model is and what it was made from."""
        from homefeed.settings import load
        from models.ranking.train import train_ranking

        window = newest(context, TRAINING_HOUR, "window")["window"]
        training = train_ranking(load(), window)
        outlet_events[RANKING_MODEL].extra = plain({"window": window, **vars(training)})

    train()
