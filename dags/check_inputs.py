"""The task before each training: the input contract (G1) of the windows that it would read."""

from airflow.sdk import task

from dags.assets import TRAINING_HOUR
from dags.references import newest


@task
def check_inputs(**context):
    """Hold the windows to train on against the input contract (G1); when it is broken, nothing is trained."""
    from homefeed.settings import load
    from monitoring.contract import require_contract

    for check in require_contract(load(), newest(context, TRAINING_HOUR, "window")["window"]):
        print(f"{check.name}: {check.verdict.value}, {check.detail}")
