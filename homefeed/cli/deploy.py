"""`homefeed deploy`: files that other programs are started with, made from the settings."""

import sys

import typer

app = typer.Typer(
    help="Files that other programs are started with, made from the settings.\n\n"
    "Example: homefeed deploy haproxy > haproxy.cfg",
    no_args_is_help=True,
)
app.callback()(lambda: None)


@app.command()
def haproxy() -> None:
    """Print the configuration of HAProxy in front of the replicas.

    Example: HOMEFEED_REPLICAS__ADDRESSES=10.0.0.1:3000,10.0.0.2:3000 homefeed deploy haproxy > haproxy.cfg
    """
    from homefeed.settings import load
    from serving.haproxy import configuration

    sys.stdout.write(configuration(load()))
