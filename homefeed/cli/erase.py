"""`homefeed erase`: take out of lake and online store what is known of a viewer."""

from dataclasses import asdict
from typing import Annotated

import typer

from homefeed.cli.output import AsJson, emit


def erase(
    user: Annotated[str, typer.Argument(help="Id of the viewer, as the site sends it.")],
    as_json: AsJson = False,
) -> None:
    """Erase a viewer: profile and state are deleted from lake and online store, and what was done is nobody's.

    The event log keeps what was sent, and versions of tables before now hold the rows until they are vacuumed; gate
    G11 stops releases while anything older than this is there again.

    Example: homefeed erase viewer-000042
    """
    from feature_repo.erasure import erase as erased
    from homefeed.clock import clock
    from homefeed.settings import load

    settings = load()
    found = erased(settings, user, clock(settings.clock_file)())
    named = ", ".join(f"{num} of {table}" for table, num in found.rows.items()) or "no row"
    text = f"{user} is erased: {named}; the online store {'has forgotten' if found.online else 'did not know'} it"
    emit(asdict(found) | {"id": user}, as_json, text)
