"""`homefeed archive` and `homefeed restore`: old windows to the archive, and back."""

from typing import Annotated

import typer

from homefeed.cli.output import AsJson, emit

Window = Annotated[str, typer.Argument(help="A window, such as 20261123T2210Z.")]


def archive(as_json: AsJson = False) -> None:
    """Move windows older than HOMEFEED_RETENTION__HOT_DAYS to the archive, and delete files that no version needs.

    What the DAG archive_windows does each day. Nothing is removed before its copy was read back.

    Example: homefeed archive
    """
    from homefeed.clock import clock
    from homefeed.retention.archive import archive as move
    from homefeed.retention.vacuum import vacuum
    from homefeed.settings import load
    from models.bundle.shelf import kept_manifests

    settings = load()
    report = move(settings, clock(settings.clock_file)())
    deleted = vacuum(settings, kept_manifests(settings))
    rows = ", ".join(f"{num:,} rows of {table}" for table, num in report.tables.items()) or "no rows of the lake"
    text = (
        f"{len(report.events)} arrival windows and {rows} before {report.until} are in {settings.archive_place};"
        f" {sum(deleted.values())} files of old versions deleted"
    )
    if report.waiting:
        text += f"; {len(report.waiting)} arrival windows wait for ingestion, from {report.waiting[0]}"
    emit({**vars(report), "vacuumed": deleted}, as_json, text)


def restore(
    first: Window,
    last: Window,
    replay: Annotated[
        bool, typer.Option("--replay", help="Ingest the arrival windows once more instead of copying the tables.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring archived windows back, both ends included; the archive leaves them alone for some days.

    Example: homefeed restore 20260301T0000Z 20260301T2350Z
    """
    from homefeed.clock import clock
    from homefeed.retention.restore import RestoreError
    from homefeed.retention.restore import restore as bring
    from homefeed.settings import load

    settings = load()
    try:
        report = bring(settings, first, last, clock(settings.clock_file)(), is_replayed=replay)
    except ValueError as error:
        raise RestoreError(str(error)) from error
    rows = ", ".join(f"{num:,} rows of {table}" for table, num in report.rows.items()) or "no rows of the lake"
    text = f"{len(report.events)} arrival windows and {rows} are back until {report.until}"
    if report.replayed:
        text += f"; ingestion took in {report.replayed.accepted:,} events"
    emit(vars(report), as_json, text)
