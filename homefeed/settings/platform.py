"""Knobs of the processes that `make run` starts."""

from homefeed.settings.group import Group, knob


class PlatformSettings(Group):
    """Processes that `make run` starts."""

    airflow_port: int = knob(8080, "Port of Airflow's web server; 0 takes a free one.", ge=0, le=65535)
    airflow_database_url: str = knob(
        "", "SQLAlchemy URL of Airflow's own database, `postgresql+psycopg://...`; empty means SQLite in `var/airflow`."
    )
    airflow_broker_url: str = knob(
        "", "Redis that hands tasks to Celery workers, `redis://host:6379/1`; empty means LocalExecutor."
    )
    airflow_url: str = knob(
        "", "Where Celery workers reach Airflow's API server; empty means this machine at `platform.airflow_port`."
    )
    ingest_slots: int = knob(
        4, "Slots of Airflow's pool `ingest`: tasks at once, over all machines, that read and write the lake.", gt=0
    )
    train_slots: int = knob(
        2, "Slots of Airflow's pool `train`: tasks at once, over all machines, that train and index.", gt=0
    )
    serve_slots: int = knob(
        4, "Slots of Airflow's pool `serve`: tasks at once, over all machines, that move releases.", gt=0
    )
    min_free_gib: float = knob(5.0, "`make run` does not start with less free disk than this under `var`.", "GiB", ge=0)
    start_s: float = knob(180.0, "How long Airflow and the service may take to start.", "s", gt=0)
    stop_s: float = knob(20.0, "How long a process may take to end before it is killed.", "s", gt=0)
    bootstrap_s: float = knob(1800.0, "How long the first release may take to go live.", "s", gt=0)
