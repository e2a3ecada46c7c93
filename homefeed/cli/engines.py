"""`homefeed engines`: whether each server of the profile answers, is new enough, and can do what it is for."""

import typer

from homefeed.cli.output import AsJson, OutFile, emit


def command(as_json: AsJson = False, out: OutFile = None) -> None:
    """Look at every engine of the profile: exit code 0 when all can be used, 2 with the reason when one cannot.

    Example: HOMEFEED_PROFILE=cluster homefeed engines
    """
    from rich.table import Table

    from homefeed.cli.engine_checks import checks
    from homefeed.settings import load

    settings = load()
    found = checks(settings)
    table = Table("part", "engine", "answer", title=f"engines of profile {settings.profile}")
    for check in found:
        table.add_row(check.part, check.engine, check.problem or "can be used")
    value = {"profile": settings.profile, "engines": [vars(check) for check in found]}
    emit(value, as_json, table, out)
    if any(check.problem for check in found):
        raise typer.Exit(2)
