"""What the DAGs hand to each other. Data travels through the lake; the `extra` of an asset event is only the reference
to it."""

from airflow.sdk import Asset


def _asset(name: str, uri: str) -> Asset:
    return Asset(name=name, uri=f"homefeed://{uri}", group="homefeed")


#: Arrival windows that are in the lake. extra: arrivals, touched, accepted, quarantined, duplicate.
EVENTS = _asset("events", "lake/events")
#: Windows whose exposures and features are published. extra: windows, window (the newest), positive, negative,
#: versions, snapshot.
EXPOSURES = _asset("exposures", "lake/exposures")
#: An hour of exposures has closed, or drift lasts: time to train. extra: window (the newest closed); reason, when it is
#: not the hour.
TRAINING_HOUR = _asset("training_hour", "lake/training_hour")
#: A trained retriever. extra: id, path, window, windows, versions, metrics.
RETRIEVAL_MODEL = _asset("retrieval_model", "models/retrieval")
#: A trained ranker. extra: id, path, window, windows, versions, metrics.
RANKING_MODEL = _asset("ranking_model", "models/ranking")
#: A bundle in the model store. extra: release, window, pairing of retrieval and ranking ids, recall_at_1000.
BUNDLE = _asset("bundle", "models/bundle")
#: A look of the gates at releases. extra: window, stages.
ROLLOUT = _asset("rollout", "registry/rollout")
