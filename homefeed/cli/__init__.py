"""The command line: one module per verb, each imported only when its verb is used."""

import importlib
import sys

import typer

from homefeed.errors import HomefeedError

#: Verb -> module of this package that defines `command` (a function) or `app` (a Typer group).
VERBS = {
    "run": "run",
    "airflow": "airflow",
    "engines": "engines",
    "compact": "compact",
    "stop": "run",
    "demo": "demo",
    "chaos": "chaos",
    "import": "import_",
    "world": "world",
    "feed": "feed",
    "explain": "explain",
    "status": "status",
    "knob": "knob",
    "metrics": "metrics",
    "experiment": "experiment",
    "simulate": "simulate",
    "release": "release",
    "alert": "alert",
    "erase": "erase",
    "watch": "watch",
    "trainer": "trainer",
    "bench": "bench",
    "evaluate": "evaluate",
    "deploy": "deploy",
    "plan": "plan",
    "archive": "archive",
    "restore": "archive",
    "bundle": "bundle",
    "bento": "bento",
    "docs": "docs",
}


def build(verbs: list[str]) -> typer.Typer:
    """The application with the named verbs; importing a verb's module is the only cost."""
    app = typer.Typer(
        help="Homefeed: an open recommendation platform for a video site's home page.", no_args_is_help=True
    )
    app.callback()(lambda: None)
    for verb in verbs:
        module = importlib.import_module(f"homefeed.cli.{VERBS[verb]}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            context = getattr(module, "CONTEXT", None)
            app.command(verb, context_settings=context)(getattr(module, verb, None) or module.command)
    return app


def main() -> None:
    """Entry point of the `homefeed` script. Exit code 0: done; 1: the work failed; 2: the input is wrong."""
    wanted = [a for a in sys.argv[1:2] if a in VERBS]
    try:
        build(wanted or list(VERBS))()
    except HomefeedError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
