"""Experiments: viewers of a layer in arms, by bucket. The arm of a viewer follows from the viewer's key alone.

A layer is a salt: experiments of one layer share its viewers and never meet, those of different layers are independent
of each other. Each knob is a layer, so that two experiments never turn the same knob for the same viewer; a layer of
any other name is for what is varied outside the platform. Interleavings have a layer of their own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from homefeed.errors import HomefeedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: The layer of the experiments that interleave two releases.
INTERLEAVING = "interleaving"
#: Name of the only arm of such an experiment.
INTERLEAVED = "interleaved"


class ExperimentError(HomefeedError):
    """An experiment cannot be started, stopped or read as asked; the message says why."""


@dataclass(frozen=True)
class ExperimentArm:
    """Viewers whose bucket in the layer is from `start` up to `start + share`.

    Attributes:
      name: of the arm; the first arm of an experiment is its control.
      start, share: of the layer's viewers.
      value: of the knob, for the arm's viewers; None when the experiment turns no knob.
    """

    name: str
    start: float
    share: float
    value: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as the registry keeps them."""
        return asdict(self)


def drafted_by(releases: Sequence[str]) -> str:
    """What a page that is drafted from two releases names as its release, so that neither is judged by it alone."""
    return "+".join(releases)


def knob_layer(knob: str) -> str:
    """The layer of a knob: that of its arms in the service."""
    return f"knob {knob}"


def arm_of(layer: str, arms: Sequence[ExperimentArm], user: str) -> str:
    """The arm of one viewer; empty for none."""
    # Imported here: the registry reads this module, and whoever lists releases needs no database engine.
    from homefeed.buckets import bucket

    place = bucket(layer, user)
    return next((arm.name for arm in arms if arm.start <= place < arm.start + arm.share), "")


def arm_codes(layer: str, arms: Sequence[ExperimentArm], users: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """[n] keys of viewers -> [n] position of the arm of each, -1 for none."""
    import numpy as np

    from homefeed.buckets import buckets

    place = buckets(layer, users)
    codes = np.full(len(users), -1, np.int64)
    for number, arm in enumerate(arms):
        codes[(place >= arm.start) & (place < arm.start + arm.share)] = number
    return codes
