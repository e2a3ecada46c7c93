"""The interleavings that run, and the releases that draft the page of a viewer."""

from dataclasses import dataclass
from typing import Any

from homefeed.buckets import bucket
from homefeed.experiments import INTERLEAVING
from homefeed.registry import Registry


@dataclass(frozen=True)
class Interleaving:
    """One experiment.

    Attributes:
      name: of the experiment.
      releases: the first and the second.
      start, share: its viewers are those whose bucket is from `start` up to `start + share`.
    """

    name: str
    releases: tuple[str, str]
    start: float
    share: float

    def state(self) -> dict[str, Any]:
        """As plain values."""
        return {"experiment": self.name, "releases": list(self.releases), "share": self.share}


@dataclass(frozen=True)
class Interleavings:
    """Those that run; each viewer is in at most one."""

    running: tuple[Interleaving, ...] = ()

    @property
    def releases(self) -> list[str]:
        """Every release that one of them names."""
        return sorted({release for one in self.running for release in one.releases})

    def of(self, user: str) -> Interleaving | None:
        """The one that a viewer is in."""
        place = bucket(INTERLEAVING, user) if self.running else 0.0
        return next((one for one in self.running if one.start <= place < one.start + one.share), None)


def read_interleavings(registry: Registry) -> Interleavings:
    """Those that run now."""
    return Interleavings(
        tuple(
            Interleaving(found.name, (found.releases[0], found.releases[1]), arm.start, arm.share)
            for found in registry.experiments.interleavings()
            for arm in found.arm_list
        )
    )
