"""A bundle that knows the truth of a made-up set of exposures, and can be made worse on purpose."""

from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.manifest import Manifest
from models.ranking.calibration import IDENTITY
from models.ranking.reference import REFERENCE_FILE
from monitoring.evidence import REACTIONS, Rows
from monitoring.retrieved import Wanted

NUM_VIEWERS = 300
#: A feature of the video, so that it stays when a newcomer stands before it.
TRUTH = DENSE_FEATURES.index("video_dismissals_7d")


@dataclass(frozen=True)
class StubInputs:
    """What gates read of a ranker's inputs; the dense column `TRUTH` is the true chance of a watch."""

    dense: NDArray[np.float32]
    country: NDArray[np.int64]
    topic: NDArray[np.int64]
    user_language: NDArray[np.int64]
    age: NDArray[np.int32]
    history_topics: NDArray[np.int64]
    history_fractions: NDArray[np.float32]

    def take(self, index: Any) -> "StubInputs":
        return StubInputs(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


def stub_inputs(dense: NDArray[np.float32]) -> StubInputs:
    """Inputs of viewers with one watch in their history."""
    num = len(dense)
    keys, topics = np.ones(num, np.int64), np.ones((num, 3), np.int64)
    return StubInputs(dense, keys, keys, keys, np.full(num, 30, np.int32), topics, np.ones((num, 3), np.float32))


def stub_rows(num: int = 6_000, seed: int = 0) -> Rows:
    """Exposures of `NUM_VIEWERS` viewers whose true probabilities lie around 0.1."""
    random = np.random.default_rng(seed)
    truth = 1 / (1 + np.exp(-random.normal(-2.8, 1.2, num)))
    dense = random.random((num, len(DENSE_FEATURES)), np.float32)
    dense[:, TRUTH] = truth
    users = random.integers(0, NUM_VIEWERS, num)
    # A fifth of the viewers are new, and a quarter of the videos are cold.
    dense[:, DENSE_FEATURES.index("history_size")] = np.where(users % 5 == 0, 0, 8)
    is_cold = random.random(num) < 0.25
    dense[:, DENSE_FEATURES.index("video_impressions_7d")] = np.where(is_cold, 10, 1000)
    # About 1 of 60 by the count of popularity, whatever the video: it knows nothing.
    dense[:, DENSE_FEATURES.index("video_watches_7d")] = np.where(is_cold, 0, 16.5)
    return Rows(
        inputs=stub_inputs(dense),
        users=users,
        watched=random.random(num) < truth,
        weight=np.ones(num, np.float32),
        sources=np.where(random.random(num) < 0.5, "two_tower", "fresh").astype(object),
        devices=np.full(num, "phone", object),
        countries=np.where(users % 3 == 0, "IS", "DE").astype(object),
        # Two pages of each viewer.
        requests=1 + users * 2 + random.integers(0, 2, num),
        videos=random.integers(0, 100, num),
        times=np.full(num, 1_795_470_900_000_000),
        reactions={"liked": random.random(num) < truth / 10, "subscribed": np.zeros(num, bool)},
    )


def no_rows() -> Rows:
    """No exposures at all."""
    rows = stub_rows(1)
    columns = {f.name: getattr(rows, f.name)[:0] for f in fields(rows) if f.name not in ("inputs", "reactions")}
    reactions = {target: column[:0] for target, column in rows.reactions.items()}
    return Rows(inputs=rows.inputs.take(slice(0, 0)), reactions=reactions, **columns)


def stub_wanted(videos: NDArray[np.int64]) -> Wanted:
    """A watch of each of the videos, by a viewer of its own who has watched nothing and is as old as its key."""
    num = len(videos)
    past = {f"history_{name}": np.zeros((num, 3), np.int64) for name in ("videos", "times", "fractions")}
    return Wanted(np.arange(num), videos, {**past, "age": videos})


class StubBundle:
    """Predicts the truth, changed by `spoil`: heads -> heads."""

    shape = SimpleNamespace(ranker_history_length=50, query_history_length=3)

    def __init__(self, folder: Path, spoil: Any = lambda heads: heads, **metrics: Any) -> None:
        self.path, self._spoil, self.calibrators = folder, spoil, dict.fromkeys(TARGETS, IDENTITY)
        vectors = np.random.default_rng(2).normal(size=(1000, 4)).astype(np.float32)
        self._wants = self.vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        self.videos = np.arange(1, 1001)
        quality = {"recall_at_100": 0.2, "popularity_recall_at_100": 0.1, "holdout_watches": 2000}
        self.manifest = Manifest(
            release="stub",
            created="2026-11-23T22:00:00+00:00",
            windows=("20261120T0000Z", "20261120T0000Z"),
            lake_versions={"exposures": -1},
            settings_digest="",
            code_version="",
            pairing="",
            metrics={"retrieval": quality, "index": {"recall_at_1000": 0.99}, **metrics},
        )
        reference = stub_rows(seed=1)
        columns = {name: reference.inputs.dense[:, i] for i, name in enumerate(DENSE_FEATURES)}
        columns |= {f"predicted_{target}": head for target, head in self.heads(reference.inputs).items()}
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), folder / REFERENCE_FILE)

    def heads(self, inputs: StubInputs) -> dict[str, NDArray[np.float32]]:
        truth = inputs.dense[:, TRUTH]
        return self._spoil({target: truth / 10 if target in REACTIONS else truth for target in TARGETS})

    def queries(self, viewers: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Knows what a viewer of the age v wants: video v."""
        return self._wants[viewers["age"] - 1]

    def value(self, heads: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        return heads["watched"]

    def with_metrics(self, **metrics: Any) -> "StubBundle":
        self.manifest = replace_metrics(self.manifest, metrics)
        return self


def replace_metrics(manifest: Manifest, metrics: dict[str, Any]) -> Manifest:
    """The manifest with some parts of its metrics replaced."""
    return manifest.model_copy(update={"metrics": manifest.metrics | metrics})


def scramble(heads: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Every prediction given to another exposure."""
    order = np.random.default_rng(0).permutation(len(heads["watched"]))
    return {target: head[order] for target, head in heads.items()}


def retrained(heads: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """As another training on a little more data would be: the log-odds moved by a little noise."""
    noise = np.random.default_rng(5).normal(0, 0.1, len(heads["watched"]))
    return {t: (1 / (1 + np.exp(-(np.log(h / (1 - h)) + noise)))).astype(np.float32) for t, h in heads.items()}
