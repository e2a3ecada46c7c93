"""`homefeed compact TABLE`: the small files of each window as one."""

from typing import Annotated

import typer


def command(
    table: Annotated[str, typer.Argument(help="A table of the lake, such as impressions.")],
    first: Annotated[str, typer.Option(help="First window, such as 20261123T0000Z.")] = "0",
    last: Annotated[str, typer.Option(help="Last window, included.")] = "9",
) -> None:
    """Merge the files of each window, on the engine of the settings; the rows stay the same.

    Example: homefeed compact impressions --last 20261122T2350Z
    """
    from feature_repo.compaction import compact
    from homefeed.settings import load

    typer.echo(f"{len(compact(load(), table, first, last))} windows of {table} were written anew")
