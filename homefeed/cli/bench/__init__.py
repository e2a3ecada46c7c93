"""`homefeed bench NAME`: speed, measured as ratios in one run where two things are compared.

Each benchmark is one module of this package with `MEANING` (name of a result -> one sentence) and
`run(settings, progress)`, which returns the results by name. `docs/benchmarks.md` explains every name.
"""

import importlib
import platform
from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, OutFile, emit, progress

BENCHES = (
    "ingest",
    "events",
    "exposures",
    "world",
    "index",
    "train-retrieval",
    "retrieval",
    "train-hour",
    "train-ranking",
    "trainers",
    "ranking-day",
    "policy",
    "ranking",
    "ranking-position",
    "diversity",
    "serve",
    "replicas",
    "shards",
    "ranking-labels",
    "experiments",
    "gates",
    "serving-simulation",
    "redis",
    "cluster",
    "drift",
    "monitoring",
)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import psutil

    model = next(
        (line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")), platform.machine()
    )
    return {
        "cpu": model,
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
    }


def _cpu_lines() -> list[str]:
    try:
        with open("/proc/cpuinfo") as file:
            return file.read().splitlines()
    except OSError:
        return []


def shown(value: float | str) -> str:
    """A result in the table: numbers with four digits, a text as it is."""
    return value if isinstance(value, str) else f"{value:,.4g}"


def bench(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(BENCHES)}.")],
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Measure one part of the platform.

    Example: homefeed bench exposures --json
    """
    from rich.table import Table

    from homefeed.settings import load

    if name not in BENCHES:
        raise typer.BadParameter(f"there is no benchmark {name!r}; there are {', '.join(BENCHES)}")
    module = importlib.import_module(f"homefeed.cli.bench.{name.replace('-', '_')}")
    settings = load()
    with progress(f"bench {name}", total=1, as_json=as_json) as bar:
        results = module.run(settings, bar)
    table = Table("result", "value", "meaning", title=f"bench {name}")
    for key, value in results.items():
        table.add_row(key, shown(value), module.MEANING[key])
    value = {
        "bench": name,
        "results": results,
        "settings": settings.model_dump(mode="json"),
        "machine": machine(),
    }
    emit(value, as_json, table, out)
