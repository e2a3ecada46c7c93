"""`homefeed world`: a synthetic history of any size."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from homefeed.cli.output import AsJson, emit, progress


def world(
    out: Annotated[Path, typer.Option("--out", help="Folder that becomes `var`: events go to OUT/events.")],
    *,
    viewers: Annotated[int | None, typer.Option(min=1, help="Viewers; default HOMEFEED_WORLD__NUM_VIEWERS.")] = None,
    videos: Annotated[int | None, typer.Option(min=1, help="Videos; default HOMEFEED_WORLD__NUM_VIDEOS.")] = None,
    days: Annotated[float | None, typer.Option(min=0.01, help="Days; default HOMEFEED_WORLD__HISTORY_DAYS.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; default HOMEFEED_SEED.")] = None,
    end: Annotated[str, typer.Option(help="End of the history: `now`, or an ISO 8601 time with an offset.")] = "now",
    truth: Annotated[bool, typer.Option("--truth", help="Also write OUT/truth: the true probabilities.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a synthetic history as Parquet files of events, one folder per window of arrival.

    Example: homefeed world --viewers 1000 --videos 2000 --days 1 --out /var/tmp/small --truth
    """
    from homefeed import windows
    from homefeed.clock import clock
    from homefeed.settings import load
    from homefeed.world.history import write_history

    settings = load()
    given = {"num_viewers": viewers, "num_videos": videos, "history_days": days}
    changed = settings.world.model_copy(update={k: v for k, v in given.items() if v is not None})
    update = {"var": out, "world": changed, "seed": settings.seed if seed is None else seed}
    settings = settings.model_copy(update=update)
    last = windows.start(windows.window_of(clock(settings.clock_file)() if end == "now" else _time(end)))
    with progress("world", total=1, as_json=as_json) as bar:
        report = write_history(
            settings,
            last,
            lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total),
            out / "truth" if truth else None,
        )
    text = (
        f"{report.impressions:,} impressions, {report.watches:,} watches, {report.feedback:,} feedback events of "
        f"{report.viewers:,} viewers on {report.videos:,} videos\narrival windows {report.first} to {report.last}, "
        f"{report.watched_share:.2%} of the impressions watched\nin {settings.events_path}"
    )
    emit({**asdict(report), "path": str(settings.events_path)}, as_json, text)


def _time(text: str) -> datetime:
    from homefeed.world.site import WorldError

    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise WorldError(f"--end {text!r} is not a time; write `now` or something like 2026-11-23T22:00Z") from None
    if time.tzinfo is None:
        raise WorldError(f"--end {text!r} has no offset; write {text}Z when it is UTC")
    return time
