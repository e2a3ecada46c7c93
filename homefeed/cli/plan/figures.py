"""Measured figures that the plan is made from, each with the command, the day and the machine it was measured on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import yaml

from homefeed.cli.plan.assumptions import ASSUMPTIONS
from homefeed.cli.plan.site import PlanError

_DEFAULT = Path(__file__).parent / "measured.yaml"


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
      name: as the plan calls it.
      value, unit: what was measured.
      what: one phrase.
      command, date, machine: how, when and where.
      source: `bench` and `result` that replace it when a file of that benchmark is given; None for neither.
    """

    name: str
    value: float
    unit: str
    what: str
    command: str
    date: str
    machine: str
    source: tuple[str, str] | None


def figures(files: Sequence[Path] = ()) -> dict[str, Figure]:
    """The figures by name: those of `measured.yaml`, and over them those of `homefeed bench NAME --json` in `files`.

    Raises:
      PlanError: a file holds no benchmark, or none that the plan can use, or a figure that is not above 0.
    """
    held: dict[str, dict[str, Any]] = yaml.safe_load(_DEFAULT.read_text())
    found = {}
    for name, entry in held.items():
        source = (entry.pop("bench", ""), entry.pop("result", ""))
        found[name] = Figure(name, **entry | {"date": str(entry["date"])}, source=source if source[0] else None)
    # What was assumed until now is measured once its benchmark is given.
    awaited = {n: Figure(n, a.value, a.unit, a.why, "", "", "", a.source) for n, a in ASSUMPTIONS.items() if a.source}
    for file in files:
        found |= _of_file(file, found | awaited)
    return found


def _of_file(file: Path, known: Mapping[str, Figure]) -> dict[str, Figure]:
    try:
        held = orjson.loads(file.read_bytes())
        bench, results, machine = held["bench"], held["results"], held["machine"]
        place = f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(
            f"{file} is not what `homefeed bench NAME --json` prints ({type(error).__name__}: {error})"
        ) from error
    taken = {}
    for name, figure in known.items():
        if figure.source is None or figure.source[0] != bench or figure.source[1] not in results:
            continue
        value = results[figure.source[1]]
        if not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise PlanError(f"{file}: {figure.source[1]} is {value!r}; a figure of the plan is a number above 0")
        taken[name] = replace(figure, value=float(value), date="as in the file", machine=place, command=str(file))
    if not taken:
        usable = sorted({f.source[0] for f in known.values() if f.source})
        raise PlanError(f"{file} is of `homefeed bench {bench}`; the plan can use {', '.join(usable)}")
    return taken
