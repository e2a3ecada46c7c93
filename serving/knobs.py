"""The exploration knob as it stands: what a request gets, by its arm, its release, or for everyone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homefeed.buckets import bucket
from homefeed.registry import Registry
from homefeed.settings import Settings

KNOB = "exploration"


@dataclass(frozen=True)
class KnobArm:
    """Viewers whose bucket is from `start` up to `start + share`, and the value that they get."""

    name: str
    value: float
    start: float
    share: float


@dataclass(frozen=True)
class Exploration:
    """The knob.

    Attributes:
      value: for everyone who is in no arm and answered by no release of its own value.
      releases: release -> value.
      arms: experiments; each viewer is in at most one.
    """

    value: float
    releases: Mapping[str, float] = field(default_factory=dict)
    arms: tuple[KnobArm, ...] = ()

    def of(self, user: str, release: str) -> tuple[float, str]:
        """The value for a viewer whom `release` answers, and the arm that it comes from: empty for none."""
        place = bucket(f"knob {KNOB}", user) if self.arms else 0.0
        for arm in self.arms:
            if arm.start <= place < arm.start + arm.share:
                return arm.value, arm.name
        return self.releases.get(release, self.value), ""

    def state(self) -> dict[str, Any]:
        """As plain values."""
        arms = [{"arm": arm.name, "value": arm.value, "share": arm.share} for arm in self.arms]
        return {"value": self.value, "releases": dict(self.releases), "arms": arms}


def read_exploration(settings: Settings, registry: Registry) -> Exploration:
    """The knob as it was turned last; where it was not, as the settings have it."""
    turns = registry.knobs.holding(KNOB)
    everyone = [turn.value for turn in turns if not turn.release and not turn.arm]
    return Exploration(
        value=next((value for value in everyone if value is not None), settings.serving.exploration),
        releases={turn.release: turn.value for turn in turns if turn.release and turn.value is not None},
        arms=tuple(
            KnobArm(turn.arm, turn.value, turn.start, turn.share)
            for turn in turns
            if turn.arm and turn.value is not None
        ),
    )
