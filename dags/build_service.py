"""### Build the service's code as a Bento

Each night: the code of the service and the list of its packages become a Bento in BentoML's store under `var/bentoml`,
for a site that deploys with BentoML's own tools; where `serving.bento_engine` names an engine, an image is built of
it. It is a Bento of the code, not of a release: a running service takes releases from the registry by itself. Of
unchanged code nothing is built, and the tasks say so.

**By hand**: no configuration. `homefeed bento` does the same and says what comes next.

**When it fails**: services that run go on. The message has the last lines of BentoML or of the engine: code that
cannot be imported, or a base image that cannot be had. Mend that and clear the task; a Bento is in the store whole or
not at all.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from dags.defaults import SERVE, on_queue
from dags.references import plain

# At its time and not, as others do, at once for the night before: nothing waits for it when a platform starts. Where
# `run_immediately` is left out, Airflow makes up for a night that is up to a tenth of a day ago.
with DAG(
    "build_service",
    schedule=CronTriggerTimetable("30 4 * * *", timezone="UTC", run_immediately=timedelta(seconds=1)),
    doc_md=__doc__,
    tags=["homefeed", "serving"],
    **on_queue(SERVE),
) as dag:

    @task
    def bento():
        """Build it; returns its tag, folder and Dockerfile. Skipped when one of this code is there."""
        from airflow.sdk.exceptions import AirflowSkipException

        from homefeed.settings import load
        from serving.bento import build_bento

        made = build_bento(load())
        if not made.is_new:
            raise AirflowSkipException(f"the code is that of {made.tag}, which is in {made.path}")
        return plain({"tag": made.tag, "path": made.path, "dockerfile": made.dockerfile})

    # An image that failed, or that was not asked for, is built in a later night of the same Bento.
    @task(trigger_rule="none_failed")
    def image():
        """Build the image of the newest Bento; returns its name. Skipped without an engine, or when it is built."""
        from airflow.sdk.exceptions import AirflowSkipException

        from homefeed.settings import load
        from serving.bento import build_bento
        from serving.bento_image import build_image

        settings = load()
        if not settings.serving.bento_engine:
            raise AirflowSkipException(
                "no image is asked for; HOMEFEED_SERVING__BENTO_ENGINE=docker, podman or buildah asks for one"
            )
        made = build_bento(settings)
        if not build_image(settings, made):
            raise AirflowSkipException(f"{settings.serving.bento_engine} has built the image {made.tag} before")
        return made.tag

    bento() >> image()
