"""`homefeed evaluate`: how good a part of the platform is on a public log, apart from the platform's own state."""

import typer

from homefeed.cli.evaluate import policy, retrieval

app = typer.Typer(no_args_is_help=True)
app.command("retrieval")(retrieval.command)
app.command("policy")(policy.command)


@app.callback()
def evaluate() -> None:
    """Measure a part of the platform on a plain public log, by a published protocol.

    Example: homefeed evaluate retrieval --format sequences --data ml-1m.txt --protocol leave-one-out
    """
