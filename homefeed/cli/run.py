"""`homefeed run` and `homefeed stop`: the platform on one machine."""

import signal
import threading

import typer
from rich.console import Console


def run() -> None:
    """Start Airflow, the service and synthetic viewers; Ctrl-C stops everything, and a second run resumes from `var/`.

    Example: HOMEFEED_SERVING__PORT=3001 homefeed run
    """
    from homefeed.cli.supervisor.platform import Platform
    from homefeed.settings import load

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = 140
    Platform(load(), console, stop).run()


def stop() -> None:
    """Stop a platform that runs in another terminal, or what is left of one that was killed.

    Example: homefeed stop
    """
    from homefeed.cli.supervisor import processes
    from homefeed.settings import load

    settings = load()
    supervisor, sessions = processes.remembered(settings.var)
    if supervisor is None:
        typer.echo(f"nothing runs on {settings.var.absolute()}")
        return
    if processes.is_running(supervisor):
        processes.ask(supervisor, settings.platform.stop_s + 10)
    num_killed = processes.stop(sessions, settings.platform.stop_s)
    processes.forget(settings.var)
    typer.echo("stopped" + (f"; {num_killed} processes had to be killed" if num_killed else ""))
