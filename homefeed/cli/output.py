"""What every verb prints: one JSON object with `--json`, else lines for people; a progress bar on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
OutFile = Annotated[Path | None, typer.Option("--out", help="Also write the JSON object to this file.")]


def dumps(value: Any) -> bytes:
    """JSON of plain values, numpy scalars and arrays, dataclasses and times."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY, default=str)


def emit(value: Any, as_json: bool, text: Any, out: Path | None = None) -> None:
    """Print `value` as JSON, or `text` (anything rich can render) for people; write the JSON to `out` when given."""
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(dumps(value))
    if as_json:
        sys.stdout.write(dumps(value).decode() + "\n")
    else:
        Console().print(text)


@contextmanager
def progress(label: str, total: float, as_json: bool = False) -> Iterator[Progress]:
    """A progress bar with one task on standard error; silent when that is not a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=as_json or not console.is_terminal, transient=True) as bar:
        bar.add_task(label, total=total)
        yield bar
