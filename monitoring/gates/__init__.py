"""Gates: each looks at one release from one side and returns its checks. The order of a stage is the list here."""

from collections.abc import Callable, Mapping

from homefeed.registry import Stage
from homefeed.verdict import Check, Verdict, overall
from monitoring.gates.calibration import calibration
from monitoring.gates.drift import drift
from monitoring.gates.guardrails import guardrails
from monitoring.gates.index import index
from monitoring.gates.integrity import integrity
from monitoring.gates.load import load
from monitoring.gates.numbers import numbers
from monitoring.gates.online import online
from monitoring.gates.page_health import page_health
from monitoring.gates.parity import parity
from monitoring.gates.popularity import popularity
from monitoring.gates.quality import quality
from monitoring.gates.shadow import shadow
from monitoring.gates.slices import slices
from monitoring.gates.time_integrity import time_integrity
from monitoring.gates.turn import turn
from monitoring.look import Look

Gate = Callable[[Look], list[Check]]

#: What a release must show before any viewer sees it.
OFFLINE: tuple[Gate, ...] = (
    integrity,
    numbers,
    time_integrity,
    quality,
    popularity,
    slices,
    calibration,
    index,
    drift,
)

#: Gate -> its numbers in docs/gates.md. G1 looks at data before a training (`monitoring.contract`), G19 is
#: `homefeed release drill`, G20 the alerts on freshness; drift and turn have no number.
NUMBERS: Mapping[str, str] = {
    "contract": "G1",
    "time_integrity": "G2",
    "parity": "G3",
    "integrity": "G4",
    "numbers": "G5",
    "quality": "G6",
    "popularity": "G7",
    "slices": "G8",
    "calibration": "G9",
    "index": "G10",
    "page_health": "G11",
    "load": "G12",
    "shadow": "G13",
    "online": "G14-G18",
    "guardrails": "G15",
}

#: Stage -> what a release must show in it.
GATES: Mapping[Stage, tuple[Gate, ...]] = {
    Stage.SHADOW: (*OFFLINE, parity, page_health, load, shadow, turn),
    Stage.CANARY: (online,),
    Stage.RAMP: (online,),
    Stage.LIVE: (guardrails,),
}

#: The same when nothing is live: nobody to be compared with, nobody to be harmed (ADR 7).
GATES_WITHOUT_LIVE: Mapping[Stage, tuple[Gate, ...]] = dict.fromkeys((Stage.SHADOW, Stage.CANARY, Stage.RAMP), OFFLINE)


def run_gates(look: Look, stage: Stage) -> list[Check]:
    """Checks of every gate of `stage`, in order; a failing gate ends the look: later ones may need what failed."""
    gates = (GATES if look.live is not None else GATES_WITHOUT_LIVE)[stage]
    checks: list[Check] = []
    for gate in gates:
        checks += _offline(look, gate) if gate in OFFLINE else gate(look)
        if overall(checks) is Verdict.FAIL:
            break
    return checks


def _offline(look: Look, gate: Gate) -> list[Check]:
    """The answer of an offline gate depends on release and window alone: one look asks it once, whatever the stage."""
    if gate.__name__ not in look.answers:
        look.answers[gate.__name__] = gate(look)
    return look.answers[gate.__name__]
