"""A window of exposures as large as a large site's, and the same time a week before, through the platform's own tables;
and a ranker of production size that has learned nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import ids, windows
from homefeed.features import TARGETS
from homefeed.lake import open_lake
from homefeed.schema import TABLES, TIME
from homefeed.settings import Settings

if TYPE_CHECKING:
    from models.ranking.calibration import Calibrator

WINDOW = "20261123T2150Z"
PER_PAGE = 100
_VIDEOS, _CHANNELS, _TOPICS, _DIMENSIONS = 20_000, 1_000, 24, 33
_WATCHED = 0.02
_DEVICES = ("phone", "desktop", "tablet", "tv")
_SOURCES = ("two_tower", "trending", "fresh", "subscriptions")
_COUNTRIES = ("DE", "US", "BR", "IN", "JP", "FR")
#: Exposures that the statistics, and the reference, of the ranker are made from.
_LEARNED = 20_000


def write_site(settings: Settings, num: int) -> None:
    """`num` exposures in `WINDOW` and in each window around the same time a week before, with their features."""
    from feature_repo.aggregates import publish_aggregates
    from feature_repo.exposures import publish_exposures
    from feature_repo.online import apply
    from feature_repo.user_state import publish_user_state

    random = np.random.default_rng(settings.seed)
    before, margin = windows.shift(WINDOW, -1008), settings.monitoring.season_margin
    names = [*windows.span(windows.shift(before, -margin), windows.shift(before, margin)), WINDOW]
    keys = {name: ids.keys(pa.array([f"{name}-{i}" for i in range(size)])).to_numpy() for name, size in _sizes(num)}
    _catalogue(settings, windows.shift(names[0], -1), keys, random)
    for name in names:
        _events(settings, name, keys, num, random)
    publish_exposures(settings, names)
    # Features of a moment are those of the window before it.
    publish_aggregates(settings, names)
    publish_user_state(settings, names)
    apply(settings)


def _sizes(num: int) -> list[tuple[str, int]]:
    """Viewers come back every other hour or so: three for each page."""
    return [("viewer", max(3 * num // PER_PAGE, 1)), ("video", _VIDEOS), ("channel", _CHANNELS)]


def _catalogue(settings: Settings, window: str, keys: dict[str, NDArray[np.int64]], random: Any) -> None:
    begin, channel = windows.start(window), np.arange(_VIDEOS) % _CHANNELS
    _write(
        settings,
        "videos",
        window,
        {
            "event_id": [f"v{i}" for i in range(_VIDEOS)],
            "time": pa.array([begin] * _VIDEOS, TIME),
            "video": keys["video"],
            "video_id": [f"video-{i}" for i in range(_VIDEOS)],
            "channel": keys["channel"][channel],
            "channel_id": [f"channel-{i}" for i in channel.tolist()],
            "title": [f"film {i}" for i in range(_VIDEOS)],
            "topics": [[f"topic-{i % _TOPICS}"] for i in range(_VIDEOS)],
            "duration_s": 60 + 600 * random.random(_VIDEOS),
            "language": np.where(random.random(_VIDEOS) < 0.5, "en", "de"),
            "uploaded": pa.array([begin] * _VIDEOS, TIME),
            "countries": pa.array([[]] * _VIDEOS, pa.list_(pa.string())),
            "min_age": [0] * _VIDEOS,
            "withdrawn": [False] * _VIDEOS,
        },
    )
    num = len(keys["viewer"])
    _write(
        settings,
        "users",
        window,
        {
            "event_id": [f"u{i}" for i in range(num)],
            "time": pa.array([begin] * num, TIME),
            "user": keys["viewer"],
            "user_id": [f"viewer-{i}" for i in range(num)],
            "country": [_COUNTRIES[i % len(_COUNTRIES)] for i in range(num)],
            "language": ["en" if i % 2 else "de" for i in range(num)],
            "age": [18 + i % 50 for i in range(num)],
            "blocked_channels": pa.array([[]] * num, pa.list_(pa.int64())),
        },
    )


def _events(settings: Settings, window: str, keys: dict[str, NDArray[np.int64]], num: int, random: Any) -> None:
    """Pages of 100; videos by Zipf's law, two of a hundred watched."""
    popularity = np.arange(1, _VIDEOS + 1) ** -0.8
    pages = -(-num // PER_PAGE)
    page = np.repeat(np.arange(pages), PER_PAGE)[:num]
    viewer = random.integers(0, len(keys["viewer"]), pages)[page]
    video = random.choice(_VIDEOS, num, p=popularity / popularity.sum())
    offset = np.sort(random.integers(0, 500_000_000, pages))[page]
    begin = int(windows.start(window).timestamp()) * 1_000_000
    source = random.integers(0, len(_SOURCES), num)
    impressions = {
        "event_id": pa.array(np.char.add(f"i{window}-", np.arange(num).astype(str))),
        "time": pa.array(begin + offset).cast(TIME),
        "user": keys["viewer"][viewer],
        "video": keys["video"][video],
        "request_id": pa.array(np.char.add(f"r{window}-", page.astype(str))),
        "slot": np.arange(num) % PER_PAGE,
        "surface": pa.array(["home"]).take(pa.array(np.zeros(num, np.int64))),
        "device": pa.array(_DEVICES).take(pa.array(viewer % len(_DEVICES))),
        "source": pa.array(_SOURCES).take(pa.array(source)),
        "propensity": np.full(num, 0.01),
    }
    _write(settings, "impressions", window, impressions)
    at = np.flatnonzero(random.random(num) < _WATCHED)
    watches = {
        "event_id": [f"w{window}-{i}" for i in at.tolist()],
        "time": pa.array(begin + offset[at] + 20_000_000).cast(TIME),
        "user": keys["viewer"][viewer[at]],
        "video": keys["video"][video[at]],
        "seconds": 20 + 200 * random.random(len(at)),
    }
    _write(settings, "watches", window, watches)


def _write(settings: Settings, table: str, window: str, columns: dict[str, Any]) -> None:
    num = len(columns["event_id"])
    given = columns | {"window": pa.array([window]).take(pa.array(np.zeros(num, np.int64)))}
    arrays = {f.name: pa.array(given[f.name]) if f.name in given else pa.nulls(num, f.type) for f in TABLES[table]}
    open_lake(settings.lake_path).replace(table, [window], pa.table(arrays).cast(TABLES[table]))


class MadeRelease:
    """What monitoring asks of a bundle: a saved ranker of production size, a reference, and vectors.

    Attributes:
      path, manifest, shape, vectors, videos: as of `models.bundle.Bundle`.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        """Load what `make` wrote into `folder`."""
        import tensorflow as tf

        from models.ranking.calibration import IDENTITY

        self.path, self.manifest = (
            folder,
            SimpleNamespace(windows=(windows.shift(WINDOW, -200), windows.shift(WINDOW, -20))),
        )
        lengths = settings.features.history_length, settings.ranking.history_length
        self.shape = SimpleNamespace(history_length=lengths[0], ranker_history_length=lengths[1])
        self.vectors, self.videos = np.load(folder / "vectors.npy"), np.load(folder / "videos.npy")
        self._ranker = tf.saved_model.load(str(folder / "ranker"))
        self._calibrators: dict[str, Calibrator] = dict.fromkeys(TARGETS, IDENTITY)

    def heads(self, inputs: Any) -> dict[str, NDArray[np.float32]]:
        """Target -> [n]."""
        raw = np.asarray(self._ranker.score(inputs.columns()).numpy(), np.float32)
        return {target: self._calibrators[target](raw[:, column]) for column, target in enumerate(TARGETS)}

    def value(self, heads: Any) -> NDArray[np.float32]:
        """[n], not asked by monitoring."""
        return np.asarray(heads["watched"])

    @classmethod
    def make(cls, settings: Settings, folder: Path) -> None:
        """Write a ranker that is as a training finds it before its first step, and the reference of exposures of
        `WINDOW`."""
        import tensorflow as tf

        from models.ranking.closed_windows import predictions, read_exposures
        from models.ranking.network import Ranker
        from models.ranking.preprocessing import Preprocessing
        from models.ranking.reference import save_reference
        from models.ranking.saved_ranker import SavedRanker, tensors
        from models.ranking.statistics import statistics_of

        shape = SimpleNamespace(
            history_length=settings.features.history_length, ranker_history_length=settings.ranking.history_length
        )
        _, examples = read_exposures(settings, shape, WINDOW, WINDOW, _LEARNED)
        tf.keras.utils.set_random_seed(settings.seed)
        preprocessing = Preprocessing(statistics_of(examples.inputs, 100.0, _LEARNED // 50))
        network = Ranker(preprocessing, 100.0, settings.ranking)
        columns = examples.inputs.columns()
        network(preprocessing(tensors({name: column[:2] for name, column in columns.items()})))
        saved = SavedRanker(network, preprocessing, settings.ranking.negative_rate, 100.0)
        folder.mkdir(parents=True)
        saved.save(folder / "ranker")
        videos = np.unique(examples.inputs.video)
        np.save(folder / "videos.npy", videos)
        vectors = np.random.default_rng(settings.seed).normal(size=(len(videos), _DIMENSIONS))
        np.save(folder / "vectors.npy", vectors.astype(np.float32))
        save_reference(
            folder, examples, predictions(cls(settings, folder), examples.inputs, len(examples)), settings.seed
        )
