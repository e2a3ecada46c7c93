"""The plan as a whole: what is needed on average and for capacity, what it depends on, and what it was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from homefeed.cli.plan.assumptions import ASSUMPTIONS, assumed
from homefeed.cli.plan.figures import Figure, figures
from homefeed.cli.plan.headroom import Headroom, headroom
from homefeed.cli.plan.sensitivity import Turn, sensitivity
from homefeed.cli.plan.site import Site
from homefeed.cli.plan.sizing import Need, plan


@dataclass(frozen=True)
class Outcome:
    """A plan.

    Attributes:
      site: what was planned for.
      headroom: what the simulation of the serving tier found.
      average, capacity: what each part needs.
      sensitivity: of the bill for capacity.
      figures, assumptions: what it was made from.
    """

    site: Site
    headroom: Headroom
    average: list[Need]
    capacity: list[Need]
    sensitivity: list[Turn]
    figures: dict[str, Figure]
    assumptions: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Everything, each assumption with its unit and reason."""
        turns, found = [asdict(turn) for turn in self.sensitivity], self.headroom
        curve = {f"{load:g}": ms for load, ms in found.curve.items()}
        why = {
            n: {"value": v, "unit": ASSUMPTIONS[n].unit, "why": ASSUMPTIONS[n].why} for n, v in self.assumptions.items()
        }
        return {
            "site": self.site.model_dump() | _rates(self.site),
            "simulation": asdict(found) | {"correction": found.correction, "curve": curve},
            "average": [asdict(need) for need in self.average] + [asdict(total(self.average))],
            "capacity": [asdict(need) for need in self.capacity] + [asdict(total(self.capacity))],
            "sensitivity": turns,
            "measured": {name: asdict(figure) for name, figure in self.figures.items()},
            "assumed": why,
        }


def outcome(site: Site, files: Sequence[Path], changed: Mapping[str, float], seed: int) -> Outcome:
    """Plan for a site. Raises PlanError for numbers that cannot be planned with."""
    held = figures(files)
    measured = {name: figure.value for name, figure in held.items()}
    values = assumed({name: value for name, value in measured.items() if name in ASSUMPTIONS} | dict(changed))
    found = headroom(site, measured, values, seed)
    average = plan(site, measured, values, found.busy, is_capacity=False)
    capacity = plan(site, measured, values, found.busy, is_capacity=True)
    turns = sensitivity(site, measured, values, found.busy, is_capacity=True)
    return Outcome(site, found, average, capacity, turns, held, values)


def total(needs: Sequence[Need]) -> Need:
    """All parts together."""
    numbers = [n for n in asdict(needs[0]) if n not in ("part", "load")]
    return Need("all", "", **{name: sum(getattr(need, name) for need in needs) for name in numbers})


def _rates(site: Site) -> dict[str, float]:
    return {"pages_per_s": site.pages_per_s, "exposures_per_s": site.exposures_per_s}
