"""The landing folder: a site drops files of events here, and they join the event log as they are."""

import os
import shutil
from pathlib import Path

from homefeed.errors import HomefeedError
from homefeed.ingest.event_log import UNFINISHED
from homefeed.settings import Settings


class LandingError(HomefeedError):
    """A file of the landing folder cannot be moved into the event log."""


def collect(settings: Settings, window: str) -> list[Path]:
    """Move the files of the landing folder into arrival window `window` of the event log.

    Each move is atomic, so a run that is killed in the middle is finished by the next. A file whose name ends in `.tmp`
    or `.part` is still being written and waits; so do hidden files and folders. Every other file moves, also one whose
    format ingestion does not know: quarantine is where its sender can see that.

    Args:
      settings: names the landing folder and the event log.
      window: the arrival window.

    Returns:
      The files at their new places, in order of name.

    Raises:
      LandingError: a file cannot be moved; it stays where it is.
    """
    landing, folder = settings.landing_path, settings.events_path / window
    try:
        landing.mkdir(parents=True, exist_ok=True)
        ready = sorted(f for f in landing.iterdir() if f.is_file() and f.suffix not in UNFINISHED and f.name[0] != ".")
        if not ready:
            return []
        folder.mkdir(parents=True, exist_ok=True)
        return [_move(file, _free_name(folder, file)) for file in ready]
    except OSError as error:
        raise LandingError(
            f"files in {landing} cannot be moved to {folder}: {error}. HOMEFEED_VAR names the folder of both"
        ) from error


def _free_name(folder: Path, file: Path) -> Path:
    target, number = folder / f"landing-{file.name}", 1
    while target.exists():
        target, number = folder / f"landing-{file.stem}-{number}{file.suffix}", number + 1
    return target


def _move(file: Path, target: Path) -> Path:
    try:
        file.rename(target)
    except OSError:
        # The landing folder may be a mount of its own, where a rename cannot reach.
        draft = target.with_name(f"{target.name}.tmp")
        try:
            shutil.copyfile(file, draft)
            with draft.open("rb") as copy:
                os.fsync(copy.fileno())
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        draft.replace(target)
        file.unlink()
    return target
