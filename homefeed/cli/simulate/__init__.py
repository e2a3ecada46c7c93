"""`homefeed simulate`: what would happen on the synthetic site, whose truth is known."""

import typer

from homefeed.cli.simulate import policy

app = typer.Typer(no_args_is_help=True)
app.command("policy")(policy.command)


@app.callback()
def simulate() -> None:
    """Run the platform's parts in a closed loop with the viewers of the synthetic site.

    Example: homefeed simulate policy --out exploration
    """
