"""Steps of training: rows of the packed stream with their uniform negatives and the probability of every column."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefeed.settings.retrieval import RetrievalSettings
from models.profiles import Profiles
from models.retrieval.frequency import StreamingFrequency
from models.retrieval.moment import NUM_DYNAMIC, moment
from models.retrieval.runs import pack_runs
from models.retrieval.train_set import TrainSet
from models.retrieval.watches import WatchCounts, Watches, pack, window_number
from models.video_table import VideoTable


@dataclass(frozen=True)
class Log:
    """What the towers learn from.

    Attributes:
      table: the catalogue.
      watches: every watch up to the end of the newest window.
      profiles: of the viewers.
      counts: of `watches`, for the popularity of a video at a time.
    """

    table: VideoTable
    watches: Watches
    profiles: Profiles
    counts: WatchCounts


def dynamic(log: Log, videos: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float32]:
    """What changes about a video: log age [h] and log multiples of a mean video's watches before the window of the
    time; rows [n], times [n] -> [n, NUM_DYNAMIC]."""
    window = window_number(times)
    mean = log.counts.total(window) / np.float32(max(len(log.table), 1))
    return moment(log.table.uploaded[videos], log.counts.before(videos, window), mean, times)


def batches(
    log: Log,
    train: TrainSet,
    *,
    codes: dict[str, Any],
    profile_codes: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    frequency: StreamingFrequency | None,
    settings: RetrievalSettings,
    random: np.random.Generator,
    own: slice = slice(None),
) -> Iterator[dict[str, Any]]:
    """One pass over `train`, every step of the same shape.

    Args:
      log: where the counts come from.
      train: the watches and their weights.
      codes: of every video of the catalogue, by `content.encode`, as numpy.
      profile_codes: country, language and age code of each watch of `train`.
      frequency: updated as the stream passes. None: the negatives of each step are the whole catalogue at one moment of
        the step, instead of a sample.
      settings: batch size, history length, negatives.
      random: order of the viewers and choice of negatives.
      own: rows and negatives of each step that are made: a trainer's own (`Group.own`). The steps are the same on all
        trainers, and what a softmax has to know of all columns is whole.
    """
    length = settings.history_length
    watches = train.watches
    stream = (pack_runs if train.has_whole_runs else pack)(watches, length, random)
    rows_per_step = max(1, settings.batch_size // length)
    order = random.permutation(len(stream.watch))
    order = np.append(order, np.full(-len(order) % rows_per_step, -1))
    num_videos = len(log.table)
    num_negatives = num_videos if frequency is None else settings.num_negatives
    still = np.zeros((max(num_videos, rows_per_step * length), NUM_DYNAMIC), np.float32)
    for first in range(0, len(order), rows_per_step):
        rows = order[first : first + rows_per_step]
        real_row = (rows >= 0)[:, None]
        watch = np.where(real_row, stream.watch[rows], -1)
        flat = np.maximum(watch.ravel(), 0)
        real = watch.ravel() >= 0
        video, time = watches.videos[flat], watches.times[flat]
        if frequency is None:
            negative = np.arange(num_videos)
            instant = np.full(num_videos, random.choice(time[real]))
        else:
            negative = random.integers(0, num_videos, num_negatives)
            instant = random.choice(time[real], num_negatives)
        columns = np.concatenate([video, negative])
        probability = np.ones(len(columns), np.float32)
        if frequency is not None:
            frequency.update(log.table.keys[video[real]])
            # Probability that a column drawn from the mixture of stream and catalogue is this video.
            share = real.sum() / (real.sum() + num_negatives)
            drawn = frequency.probability(log.table.keys[columns])
            probability = (share * drawn + (1 - share) / num_videos).astype(np.float32)
        exists = log.table.uploaded[negative] <= instant
        place = np.arange(watch.size, dtype=np.int32).reshape(watch.shape)[own]
        made = flat[place]
        country, language, age = (c[made] for c in profile_codes)
        video, negative, instant = watches.videos[made].ravel(), negative[own], instant[own]
        of_video, of_negative = still[: len(video)], still[: len(negative)]
        if settings.side_features:
            of_video = dynamic(log, video, watches.times[made].ravel())
            of_negative = dynamic(log, negative, instant)
        yield {
            "place": place.ravel(),
            "tokens": {name: value[video] for name, value in codes.items()},
            "fraction": watches.fractions[made],
            "time": watches.times[made],
            "position": stream.position[rows][own].astype(np.int32),
            "segment": np.where(watch >= 0, stream.segment[rows], -1)[own].astype(np.int32),
            "country": country,
            "language": language,
            "age": age,
            "weight": (real & (stream.complete[rows] & real_row).ravel()) * train.weight[flat],
            "dynamic": of_video,
            "negatives": {name: value[negative] for name, value in codes.items()},
            "negative_dynamic": of_negative,
            "negative_exists": exists,
            "probability": probability,
            "ids": columns,
            "user": np.where(real, watches.users[flat], -1),
        }
