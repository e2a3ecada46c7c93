"""What is told about one video of one request."""

from dataclasses import dataclass

from models.ranking.attribution import Reach


@dataclass(frozen=True)
class Head:
    """One head: its calibrated prediction, the weight of the value model, and their product; `part` is `engagement` or
    `satisfaction`."""

    head: str
    part: str
    prediction: float
    weight: float
    contribution: float


@dataclass(frozen=True)
class Proposal:
    """What one source said: the video's `place` among the `proposed` (0 is the first), None when it is not there."""

    source: str
    place: int | None
    proposed: int


@dataclass(frozen=True)
class Feature:
    """What one group of features did.

    Attributes:
      group: its name.
      change: by how much it raises the log-odds of a watch above what they are with typical values.
      feature: the one of the group that does most alone; empty for a group of keys only.
      value, typical: of that feature, here and in the median exposure.
    """

    group: str
    change: float
    feature: str
    value: float | None
    typical: float | None


@dataclass(frozen=True)
class Explanation:
    """One video of one request.

    Attributes:
      outcome: where it ended, in one sentence.
      slot: its slot; None when it is not on the page.
      explored: True where exploration chose it.
      engagement, satisfaction, value: of the value model.
      correction: factor on the odds of a watch, in the heads already, by what viewers made of the video since the
        release was trained; 1 when that is as promised.
      discovery: what the knob adds to the value for a topic new to the viewer.
      score: both after diversity; None when it was no candidate to the end.
      place, num_candidates: its place by score, 0 is the best, and among how many.
      needed: value, `discovery` included, with which it would have taken the last slot that goes by value.
      changes: sentences on what would have to change for it to be on the page.
      reaches: changes of one feature that lift its value to `needed`, the nearest first.
    """

    video: str
    title: str
    channel: str
    outcome: str
    slot: int | None
    explored: bool
    heads: list[Head]
    engagement: float
    satisfaction: float
    value: float
    correction: float
    discovery: float
    score: float | None
    place: int | None
    num_candidates: int
    needed: float
    sources: list[Proposal]
    filters: list[str]
    features: list[Feature]
    changes: list[str]
    reaches: list[Reach]
