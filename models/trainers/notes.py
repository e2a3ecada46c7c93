"""The notes of a training, which its trainers share."""

from collections.abc import Mapping

from homefeed.settings import Settings
from models.progress import Progress
from models.start import shape_digest
from models.trainers.job import Job, TrainersError
from models.training import digest_of


def notes_of(settings: Settings, kind: str, window: str, versions: Mapping[str, int], start: str) -> Progress:
    """The notes of the training of a `kind` for a window, which goes on from the training `start`."""
    folder = settings.models_path / kind / f"{window}.progress"
    made_from = digest_of((shape_digest(getattr(settings, kind)), settings.seed, start))
    return Progress(folder, made_from, versions, settings.trainers.checkpoint_steps)


def notes_of_job(settings: Settings, job: Job) -> Progress:
    """Those of a job, with the settings of its chief.

    Raises:
      TrainersError: a worker finds other notes than the chief.
    """
    notes = notes_of(settings, job.kind, job.window, job.versions, job.start)
    if notes.steps() != job.steps:
        raise TrainersError(
            f"the chief goes on from step {job.steps} and this trainer finds notes of step {notes.steps()} in "
            f"{settings.models_path / job.kind}: they have to see the same HOMEFEED_VAR"
        )
    return notes
