"""What a page cannot take less than, and what it takes when it is made naively; `homefeed bench serve` in one process.

The floor: the search of the index for the viewer's candidates, and the ranker's matrix products over the candidates,
with the same shapes and library, on one thread. Naive: each candidate's features are read from an online store
(Feast) and the candidates are scored one by one, by the same release.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.features import TARGETS, aggregate_columns
from homefeed.settings import Settings

_ROUNDS = 200
_NAIVE_PAGES = 2
_ENTITIES = ("video", "channel", "topic")
Product = tuple[int, int, int]


@dataclass(frozen=True)
class Floor:
    """Milliseconds, medians: of the search and of the products of a page of each size, and of a naive page."""

    search_ms: dict[int, float]
    products_ms: dict[int, float]
    naive_ms: float


def floor(settings: Settings, release: str, user: str, sizes: tuple[int, ...]) -> Floor:
    """Measure, with nothing else running; the naive page has `sizes[0]` candidates."""
    import tensorflow as tf
    from threadpoolctl import threadpool_limits

    from feature_repo.online import UserStore
    from homefeed.clock import clock
    from models.bundle import load_bundle
    from serving.viewer import viewer_of

    # One thread for each product, as in the service.
    threadpool_limits(1, "blas")
    bundle, viewer = load_bundle(settings, release), viewer_of(UserStore(settings).read(user))
    now = clock(settings.clock_file)()
    vector = bundle.query(viewer.row, now)
    # Kept whole, since a signature does not keep its variables alive.
    ranker = tf.saved_model.load(str(bundle.path / "ranker"))
    weights = ranker.signatures["page_weights"]()
    search_ms, products_ms = {}, {}
    for num in sizes:
        search_ms[num] = _median_ms(lambda num=num: bundle.search(vector, num))  # type: ignore[misc]
        products_ms[num] = _median_ms(_products(products_of(weights, num)))
    keys, _ = bundle.search(vector, sizes[0])
    return Floor(search_ms, products_ms, _naive_ms(settings, bundle, viewer.row, keys, now))


def products_of(weights: Mapping[str, Any], num: int) -> list[Product]:
    """Every product of `PageScores` whose rows are candidates, as rows, inner, columns."""
    inputs, projected = weights["candidate_down_0"].shape
    outs, pieces = weights["candidate_out"].shape[1], len(weights["pair_wide"])
    experts, hidden, out = weights["expert_out"].shape
    (topics, width), heads = weights["topics"].shape, len(TARGETS)
    cross = [(num, inner, projected) for inner in (inputs, inputs + projected)] + [(num, projected, inputs)] * 2
    focus = [(num, 2 * width, topics), (num, topics, width + 1)]
    mixed = [(num, inputs + 2 * projected, outs), *[(num, hidden, out)] * experts, (num * experts, out, heads)]
    return [*cross, *focus, *mixed, (num, pieces, heads)]


def _products(shapes: list[Product]) -> Callable[[], Any]:
    random = np.random.default_rng(0)
    made = [
        (random.normal(size=(rows, inner)).astype(np.float32), random.normal(size=(inner, columns)).astype(np.float32))
        for rows, inner, columns in shapes
    ]
    return lambda: [left @ right for left, right in made]


def _median_ms(work: Callable[[], object]) -> float:
    work()
    took = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return float(1000 * np.median(took))


def _naive_ms(settings: Settings, bundle: Any, user: Any, keys: NDArray[np.int64], now: Any) -> float:
    """A page whose candidates are read from the online store and scored one by one."""
    rows = bundle.snapshot.filter(pa.array(np.isin(bundle.snapshot.column("video").to_numpy(), keys)))
    store = _candidate_store(settings, rows)
    features = [f"{entity}_aggregates:{name}" for entity in _ENTITIES for name in aggregate_columns(entity)]
    content = rows.select(["video", "channel", "topic", "language", "uploaded", "duration_s"]).to_pylist()
    asked = [{entity: row[entity] for entity in _ENTITIES} for row in content]
    context = {"time": now, "device": "phone"}
    took = []
    for _ in range(_NAIVE_PAGES):
        began = time.perf_counter()
        answer = store.get_online_features(features, asked).to_dict()
        for place, row in enumerate(content):
            one = {name: np.array([value]) for name, value in row.items()}
            one["uploaded"] = np.array([round(row["uploaded"].timestamp() * 1e6)])
            one |= {name: np.array([answer[name][place]], np.float32) for name in answer if name not in _ENTITIES}
            bundle.value(bundle.score(user, one, context))
        took.append(time.perf_counter() - began)
    return float(1000 * min(took))


def _candidate_store(settings: Settings, rows: pa.Table) -> Any:
    """An online store that holds the features of candidates, which the platform's own never does."""
    import copy

    from feast import FeatureStore, RepoConfig

    from feature_repo import definitions
    from feature_repo.store import configuration

    folder = settings.feast_path.absolute().parent / "naive"
    folder.mkdir()
    config = configuration(settings) | {
        "registry": {"path": str(folder / "registry.db")},
        "online_store": {"type": "sqlite", "path": str(folder / "online.db")},
    }
    store = FeatureStore(config=RepoConfig(**config, repo_path=folder))
    views = [copy.copy(view) for view in definitions.views if view.name.removesuffix("_aggregates") in _ENTITIES]
    for view in views:
        view.online = True
    store.apply([*(definitions.entities[entity] for entity in _ENTITIES), *views])
    stamp = [rows.column("uploaded")[0].as_py()] * len(rows)
    for entity in _ENTITIES:
        table = rows.select([entity, *aggregate_columns(entity)]).append_column("event_timestamp", pa.array(stamp))
        frame = table.to_pandas().drop_duplicates(entity)
        store.write_to_online_store(f"{entity}_aggregates", frame)
    return store
