"""`homefeed demo`: the whole loop, finite and without a browser."""

import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, OutFile, emit
from homefeed.errors import HomefeedError

SYNTHETIC = "synthetic"


class DemoError(HomefeedError):
    """The demo cannot begin with what it was given."""


def demo(
    format_: Annotated[
        str, typer.Option("--format", help="`synthetic`, or a format of `homefeed import`.")
    ] = SYNTHETIC,
    data: Annotated[Path | None, typer.Option(help="Folder or file of the log; not for the synthetic site.")] = None,
    home: Annotated[
        Path | None, typer.Option(help="Keep everything here, in a new folder; else it is deleted.")
    ] = None,
    looks: Annotated[
        int, typer.Option(min=0, help="Looks at the second release before it is left where it stands.")
    ] = 8,
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Run the loop twice: import, features, training, gates, a page, reactions, training again, a page again.

    The exit code is 0 only when both releases went through the gates, the page was good and the second training read
    the events of the first page.

    Example: homefeed demo --format movielens-100k --data ml-100k --out demo.json
    """
    from homefeed.cli.demo.table import table

    _check(format_, data, home)
    folder = Path(tempfile.mkdtemp(prefix="homefeed-demo-")) if home is None else home
    try:
        value = _run(format_, data, folder.absolute(), looks, as_json)
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
    emit(value, as_json, table(value), out)
    if value["failures"]:
        raise typer.Exit(1)


def _check(format_: str, data: Path | None, home: Path | None) -> None:
    if home is not None and home.exists() and any(home.iterdir()):
        raise DemoError(f"{home} is not empty; --home names a new folder, for the demo starts from nothing")
    if format_ == SYNTHETIC:
        if data is not None:
            raise DemoError("--data names the files of a log; say which with --format, such as --format movielens-100k")
        return
    from homefeed.importers import FORMATS

    if format_ not in FORMATS:
        raise DemoError(f"there is no format {format_!r}; formats are {SYNTHETIC}, {', '.join(FORMATS)}")
    if data is None or not data.exists():
        raise DemoError(f"--data must name the files of the {format_} log; there is nothing at {data}")


def _run(format_: str, data: Path | None, home: Path, looks: int, as_json: bool) -> dict[str, Any]:
    import os

    from homefeed.cli.demo.loop import Facts, Loop
    from homefeed.cli.demo.outcome import outcome
    from homefeed.cli.demo.profile import demo_settings, history_end
    from homefeed.cli.demo.site import Site
    from homefeed.cli.headless import Headless, quiet
    from homefeed.clock import set_clock
    from homefeed.registry import open_registry
    from homefeed.settings.environment import environment
    from serving.process import start

    began = time.monotonic()
    home.mkdir(parents=True, exist_ok=True)
    settings = demo_settings(home)
    os.environ.update(environment(settings))
    end, site, facts = history_end(datetime.now(UTC)), Site(format_, data), Facts()
    assert settings.clock_file is not None
    set_clock(settings.clock_file, end)
    say = _Progress(facts, began, as_json)

    with say("import"):
        site.write_history(settings, end)
    with say("airflow"):
        airflow = Headless(home / "airflow", say.dag)
    with quiet(airflow.log):
        registry = open_registry(settings.resolved_registry_url)
    loop = Loop(settings, site, airflow, registry, facts)
    loop.first_release(end)
    if registry.live() is not None:
        with say("service"), quiet(airflow.log):
            service = start(settings, 0)
        with service:
            try:
                loop.serve(service.url, end, looks, say)
            except HomefeedError:
                service.check()
                raise
    value = outcome(settings, registry, facts, format_)
    return value | {"seconds": round(time.monotonic() - began, 1)}


class _Progress:
    """Notes each stage with its seconds, and says it on a terminal."""

    def __init__(self, facts: Any, began: float, as_json: bool) -> None:
        from rich.console import Console

        self._facts, self._began = facts, began
        self._console = Console(stderr=True, quiet=as_json)

    def __call__(self, name: str) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def stage() -> Any:
            self.dag(name, None)
            start = time.monotonic()
            yield
            self.dag(name, time.monotonic() - start)

        return stage()

    def dag(self, name: str, seconds: float | None) -> None:
        """A stage begins (seconds is None) or has ended."""
        if seconds is None:
            self._console.print(f"[dim]{time.monotonic() - self._began:4.0f} s[/dim]  {name} ...", highlight=False)
            return
        self._facts.stages.append({"name": name, "seconds": round(seconds, 2)})
