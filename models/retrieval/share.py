"""A worker's part in a training of the retriever: it learns its share of every step, and keeps nothing."""

from homefeed.settings import Settings
from models.retrieval.lesson import Lesson, read_log
from models.retrieval.start import KIND
from models.trainers.group import Group
from models.trainers.job import Job
from models.trainers.notes import notes_of_job
from models.training import read_training


def learn_share(settings: Settings, job: Job, group: Group) -> None:
    """Learn this trainer's part of every step of a job, with the settings of the chief.

    Raises:
      TrainersError: one of the others is lost, or what this one reads is not what they read.
    """
    start = read_training(settings.models_path / KIND / job.start) if job.start else None
    lesson = Lesson(settings, job.window, read_log(settings, job.window, job.versions).log, start)
    notes = notes_of_job(settings, job)
    lesson.towers(group).train(None, progress=notes)
