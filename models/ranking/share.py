"""A worker's part in a training of the ranker: it learns its share of every batch, and keeps nothing."""

import tensorflow as tf

from homefeed.settings import Settings
from homefeed.settings.ranking import RankingSettings
from models.progress import Progress
from models.ranking.calibrated import newest
from models.ranking.lesson import Lesson
from models.ranking.trainer import Trainer
from models.start import shape_digest
from models.trainers.cluster import connect
from models.trainers.group import Group
from models.trainers.job import Board, Job, TrainersError
from models.trainers.reach import door, reach
from models.training import digest_of, read_training

KIND = "ranking"
#: The chief listens before it shows the job.
_REACH_S = 5.0


def notes_of(settings: Settings, window: str, versions: dict[str, int], start: str) -> Progress:
    """The notes of a training of the ranker, which its trainers share."""
    folder = settings.models_path / KIND / f"{window}.progress"
    made_from = digest_of((shape_digest(settings.ranking), settings.seed, start))
    return Progress(folder, made_from, versions, settings.trainers.checkpoint_steps)


def take_part(settings: Settings, job: Job, rank: int) -> None:
    """Take part in a job as the trainer `rank`; it has to be the first that TensorFlow does in the process.

    Raises:
      TrainersError: the others cannot be reached, one is lost, or what this one reads is not what they read.
    """
    own = settings.model_copy(
        update={
            "seed": job.knobs["seed"],
            "features": settings.features.model_copy(update={"history_length": job.knobs["history_length"]}),
            "ranking": RankingSettings(**job.knobs["ranking"]),
        }
    )
    with door(job.addresses[rank]):
        reach(job.addresses[0], _REACH_S, "HOMEFEED_TRAINERS__CHIEF")
    Board(settings).answer(job, rank)
    learn_share(own, job, connect(settings, job, rank))


def learn_share(settings: Settings, job: Job, group: Group) -> None:
    """Learn this trainer's part of every batch of a job, with the settings of the chief."""
    before = read_training(settings.models_path / KIND / job.start) if job.start else None
    lesson = Lesson(settings, job.window, job.versions, before)
    train = newest(lesson.train(), settings.ranking.max_train_rows)
    notes = notes_of(settings, job.window, job.versions, job.start)
    if notes.steps() != job.steps:
        raise TrainersError(
            f"the chief goes on from step {job.steps} and this trainer finds notes of step {notes.steps()} in "
            f"{settings.models_path / KIND}: they have to see the same HOMEFEED_VAR"
        )
    tf.keras.utils.set_random_seed(settings.seed)
    trainer = Trainer(settings, train, lesson.start.path if lesson.start else None, group)
    if lesson.start:
        # The chief looks at the hour before: it may need rows of this trainer.
        trainer.entropy(train.take(slice(0, 0)))
    trainer.train(train, None, notes)
