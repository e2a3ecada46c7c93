"""Control state: releases, transitions with their evidence, ingested windows, reports."""

from homefeed.registry.store import Registry, RegistryError, open_registry
from homefeed.registry.tables import Ingest, KnobTurn, Release, Report, Stage, Transition

__all__ = [
    "Ingest",
    "KnobTurn",
    "Registry",
    "RegistryError",
    "Release",
    "Report",
    "Stage",
    "Transition",
    "open_registry",
]
