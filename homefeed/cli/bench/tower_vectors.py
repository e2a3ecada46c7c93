"""Vectors and queries of a trained pair of towers, as many as a benchmark of the index asks for.

How they are made: a site of 20,000 viewers and 10,000 videos writes one day of history; the two towers are trained on
it for two epochs, 64 wide with the bias; the queries are those of its newest watches. A catalogue of any size then
consists of new videos of the same channels. Topics, title, language, duration and upload are drawn as the synthetic
site draws them, and each video borrows the id embedding and the counts of watches of a trained video of its channel, as
a video that was trained on has its own. The candidate tower makes their vectors. They lie in clusters by topic,
language and channel, as do the vectors that are served.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed import ids, windows
from homefeed.settings import Settings
from homefeed.windows import window_of
from homefeed.world.catalogue import Channels, Videos, make_videos

WIDTH = 64
_END = datetime(2026, 11, 23, 22, tzinfo=UTC)
_SITE = {"num_viewers": 20_000, "num_videos": 10_000, "history_days": 1.0}
_BLOCK = 200_000
_COUNTS = ("video_watches_1h", "video_watches_24h", "video_watches_7d")


@dataclass(frozen=True)
class Source:
    """A trained pair of towers, and what new videos borrow.

    Attributes:
      candidates: the tower of videos.
      queries: [q, WIDTH] of the newest watches.
      channels: of the site.
      channel_ids: their ids.
      donors: [v] keys of the trained videos in order of channel, with their `counts` [v, 3].
      donor_start: [channels + 1], where the donors of each channel begin.
    """

    candidates: Any
    queries: NDArray[np.float32]
    channels: Channels
    channel_ids: pa.Array
    donors: NDArray[np.int64]
    counts: NDArray[np.float32]
    donor_start: NDArray[np.int64]


def train_source(settings: Settings, folder: Path, num_queries: int) -> Source:
    """Make the small site under `folder`, train the towers on it, and open them."""
    from homefeed.ingest.window import ingest_windows
    from homefeed.world.build import build_site
    from homefeed.world.history import write_history
    from models.retrieval.train import train_retrieval

    own = settings.model_copy(
        update={
            "var": folder,
            "registry_url": "",
            "world": settings.world.model_copy(update=_SITE),
            "retrieval": settings.retrieval.model_copy(update={"embedding_dim": WIDTH - 1, "max_epochs": 2}),
            "index": settings.index.model_copy(update={"num_queries": num_queries}),
        }
    )
    write_history(own, _END)
    last = window_of(_END - windows.WINDOW)
    ingest_windows(own, windows.between(_END - timedelta(days=own.world.history_days), _END))
    training = train_retrieval(own, last)
    import tensorflow as tf

    from models.bundle.page_weights import candidate_weights
    from models.retrieval.page_candidates import PageCandidates

    site = build_site(own.world, own.seed, _END)
    uploaded = np.searchsorted(site.videos.uploaded_us, round(_END.timestamp() * 1e6))
    keys = ids.keys(site.video_ids.slice(0, uploaded)).to_numpy()
    channel = site.videos.channel[:uploaded]
    order = np.argsort(channel, kind="stable")
    return Source(
        candidates=PageCandidates(*candidate_weights(tf.saved_model.load(str(training.path / "towers")))),
        queries=np.load(training.path / "queries.npy", allow_pickle=False),
        channels=site.channels,
        channel_ids=site.channel_ids,
        donors=keys[order],
        counts=_counts(own, keys[order]),
        donor_start=np.searchsorted(channel[order], np.arange(len(site.channels) + 1)),
    )


def write_vectors(source: Source, path: Path, num: int, seed: int, told: Callable[[int], object]) -> None:
    """Write [num, WIDTH] float32 to `path` (a .npy file), block by block; `told` gets the number done."""
    out = np.lib.format.open_memmap(path, "w+", np.float32, (num, WIDTH))
    for first in range(0, num, _BLOCK):
        size = min(_BLOCK, num - first)
        out[first : first + size] = make_vectors(source, size, first, seed)
        told(first + size)
    out.flush()


def make_vectors(source: Source, num: int, first: int, seed: int) -> NDArray[np.float32]:
    """Vectors [num, WIDTH] of new videos, in no order; other `first`, other videos."""
    from homefeed.settings.world import WorldSettings
    from models.bundle.candidate_vectors import candidate_vectors, mean_counts

    random = np.random.default_rng([seed, first])
    world = WorldSettings(num_videos=num, live_days=0)
    videos = make_videos(world, source.channels, round(_END.timestamp() * 1e6), random)
    rows = _rows(source, videos, first, seed, random)
    _, vectors = candidate_vectors(source.candidates, rows, mean_counts(rows), _END)
    return vectors[random.permutation(num)]


def _rows(source: Source, videos: Videos, first: int, seed: int, random: np.random.Generator) -> pa.Table:
    """New videos as rows of a snapshot, each with the id and the counts of a trained video of its channel."""
    from homefeed.schema import TIME
    from homefeed.world import names
    from homefeed.world.site import language_code
    from homefeed.world.vocabulary import TOPICS

    size = len(videos)
    begin, until = source.donor_start[videos.channel], source.donor_start[videos.channel + 1]
    donor = np.minimum(begin + (random.random(size) * (until - begin)).astype(np.int64), len(source.donors) - 1)
    both = np.stack([videos.topic, videos.second_topic], axis=1)
    kept = np.stack([np.ones(size, bool), videos.topic != videos.second_topic], axis=1)
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    columns = {
        "video": source.donors[donor],
        "channel": ids.keys(source.channel_ids.take(pa.array(videos.channel))),
        "topics": pa.ListArray.from_arrays(
            pa.array(starts), pa.array([t.name for t in TOPICS]).take(pa.array(both[kept]))
        ),
        "language": language_code(videos.language),
        "uploaded": pa.array(videos.uploaded_us).cast(TIME),
        "duration_s": videos.duration_s,
        "title": names.titles(np.arange(first, first + size), videos.topic, seed),
    }
    return pa.table(columns | {name: source.counts[donor, place] for place, name in enumerate(_COUNTS)})


def _counts(settings: Settings, keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """Watches of each video in the last hour, day and seven days of the history, [v] -> [v, 3]."""
    from homefeed.lake import open_lake

    watches = open_lake(settings.lake_path).read("watches")
    age_us = round(_END.timestamp() * 1e6) - watches.column("time").cast(pa.int64()).to_numpy()
    video = pc.index_in(watches.column("video"), pa.array(keys)).fill_null(len(keys)).to_numpy()
    hours = (1, 24, 168)
    sums = [np.bincount(video[age_us < h * 3_600_000_000], minlength=len(keys) + 1)[: len(keys)] for h in hours]
    return np.column_stack(sums).astype(np.float32)
