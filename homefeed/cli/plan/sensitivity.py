"""What the bill depends on: each number halved and doubled, everything else as it was."""

from collections.abc import Mapping
from dataclasses import dataclass

from homefeed.cli.plan.site import PlanError, Site, site_of
from homefeed.cli.plan.sizing import plan

#: Numbers of the site that are turned; figures and assumptions are turned all.
_SITE = (
    "users", "videos", "positives_per_month", "negatives_per_month", "exposure_bytes", "capacity_pages_per_s",
    "candidates", "hot_days", "kept_days",
)  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """One number.

    Attributes:
      name, kind: what was turned; `site`, `measured` or `assumed`.
      half, twice: the bill then, relative to the bill before; None where such a site cannot be.
    """

    name: str
    kind: str
    half: float | None
    twice: float | None

    @property
    def swing(self) -> float:
        """How far the bill moves, at most."""
        return max(abs(v - 1) for v in (self.half, self.twice, 1.0) if v is not None)


def sensitivity(
    site: Site, measured: Mapping[str, float], assumed: Mapping[str, float], busy: float, *, is_capacity: bool
) -> list[Turn]:
    """Every number that moves the bill by a hundredth or more, the heaviest first."""

    def bill(site: Site, measured: Mapping[str, float], assumed: Mapping[str, float], busy: float) -> float:
        return sum(need.usd_month for need in plan(site, measured, assumed, busy, is_capacity=is_capacity))

    base = bill(site, measured, assumed, busy)

    def turned(kind: str, name: str, factor: float) -> float | None:
        try:
            if kind == "site":
                other = site_of(**site.model_dump() | {name: factor * getattr(site, name)})
                return bill(other, measured, assumed, busy) / base
            held = {"measured": dict(measured), "assumed": dict(assumed)}
            held[kind][name] *= factor
            return bill(site, held["measured"], held["assumed"], busy) / base
        except PlanError:
            return None

    names = [("site", name) for name in _SITE]
    names += [("measured", name) for name in measured] + [("assumed", name) for name in assumed]
    turns = [Turn(name, kind, turned(kind, name, 0.5), turned(kind, name, 2.0)) for kind, name in names]
    turns.append(Turn("load that replicas may bear", "simulated", bill(site, measured, assumed, busy / 2) / base, None))
    return sorted((turn for turn in turns if turn.swing >= 0.01), key=lambda turn: -turn.swing)
