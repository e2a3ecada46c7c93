"""`homefeed watch`: evaluate the alert rules apart from every scheduler, and tell people."""

import logging
import signal
import sys
import threading
from typing import Annotated, Any

import typer


def watch(
    once: Annotated[
        bool, typer.Option("--once", help="Evaluate once and end: 1 when the registry is unusable.")
    ] = False,
) -> None:
    """Evaluate the alert rules every `alerts.interval_s` and deliver what is due, until Ctrl-C. `make run` starts it.

    Example: homefeed watch --once
    """
    from homefeed.clock import clock
    from homefeed.settings import load
    from monitoring.alerts.sources.runs import WATCH
    from monitoring.alerts.watch import Watch

    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    settings = load()
    watching, now = Watch(settings, by="hand" if once else WATCH), clock(settings.clock_file)
    if once:
        done = watching.once(now())
        typer.echo(_line(done))
        raise typer.Exit(0 if done is not None else 1)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    watching.run(now, stop, lambda _: None)


def _line(done: Any) -> str:
    if done is None:
        return "the registry cannot be used; what follows from it is unknown"
    stored = "" if done.is_stored else "; another evaluation came in between, so nothing of this one was stored"
    return f"{done.firing} firing, {done.pending} pending, {done.delivered} messages delivered{stored}"
