"""A worker's part in a training of the ranker: it learns its share of every batch, and keeps nothing."""

import tensorflow as tf

from homefeed.settings import Settings
from models.ranking.calibrated import newest
from models.ranking.lesson import Lesson
from models.ranking.trainer import Trainer
from models.trainers.group import Group
from models.trainers.job import Job
from models.trainers.notes import notes_of_job
from models.training import read_training

KIND = "ranking"


def learn_share(settings: Settings, job: Job, group: Group) -> None:
    """Learn this trainer's part of every batch of a job, with the settings of the chief.

    Raises:
      TrainersError: one of the others is lost, or what this one reads is not what they read.
    """
    before = read_training(settings.models_path / KIND / job.start) if job.start else None
    lesson = Lesson(settings, job.window, job.versions, before)
    train = newest(lesson.train(), settings.ranking.max_train_rows)
    notes = notes_of_job(settings, job)
    tf.keras.utils.set_random_seed(settings.seed)
    trainer = Trainer(settings, train, lesson.start.path if lesson.start else None, group)
    if lesson.start:
        # The chief looks at the hour before: it may need rows of this trainer.
        trainer.entropy(train.take(slice(0, 0)))
    trainer.train(train, None, notes)
