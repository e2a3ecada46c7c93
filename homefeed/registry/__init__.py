"""Control state: releases, transitions with their evidence, holds, ingested windows, reports, alerts."""

from homefeed.registry.alert_log import AlertLog
from homefeed.registry.database import RegistryError
from homefeed.registry.experiment_log import ExperimentLog
from homefeed.registry.failure_log import FailureLog
from homefeed.registry.knob_turns import KnobTurns
from homefeed.registry.store import Registry, open_registry
from homefeed.registry.tables import (
    Alert,
    AlertState,
    Delivery,
    Evaluation,
    Experiment,
    Failure,
    Hold,
    Ingest,
    KnobTurn,
    Release,
    Report,
    Silence,
    Stage,
    Transition,
)

__all__ = [
    "Alert",
    "AlertLog",
    "AlertState",
    "Delivery",
    "Evaluation",
    "Experiment",
    "ExperimentLog",
    "Failure",
    "FailureLog",
    "Hold",
    "Ingest",
    "KnobTurn",
    "KnobTurns",
    "Registry",
    "RegistryError",
    "Release",
    "Report",
    "Silence",
    "Stage",
    "Transition",
    "open_registry",
]
