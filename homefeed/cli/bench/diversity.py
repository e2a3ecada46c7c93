"""`homefeed bench diversity`: what diversity and exploration do to a page, by the truth of a synthetic site.

The same candidates of the same visits, ranked by a first release, are put in order in several ways. The selector's
decay is compared with maximal marginal relevance and a greedy determinantal point process over the videos' vectors,
each of the strength that leaves as many expected watches as the decay; and the exploration knob with parts of it left
out. Nobody reacts: what viewers do with what they discovered is told by `homefeed simulate policy`.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from homefeed.settings import Settings

if TYPE_CHECKING:
    from homefeed.cli.bench.page_truth import Visit, Worth

Order = Callable[["Visit"], NDArray[np.int64]]
PAGE, DRAWS, _HALVINGS = 100, 3, 9
_LEAST_VALUE = 1e-4
_KNOB = 0.1
_WAYS = {
    "plain": "by value alone",
    "decay": "with the selector's decay by channel and topic",
    "mmr": "by maximal marginal relevance, of the logarithm of the value",
    "dpp": "by a greedy determinantal point process, of a power of the value",
}
_PARTS: dict[str, tuple[str, dict[str, float]]] = {
    "knob": (f"exploration {_KNOB:g}", {}),
    "knob_even": (f"exploration {_KNOB:g} in all slots alike", {"spared_share": 0.0}),
    "knob_draws": (f"exploration {_KNOB:g} by drawn slots alone", {"discovery_value": 0.0}),
}
MEANING = {
    "pages": "Pages, of people who open the site in the four hours after its history.",
    **{
        f"{way}_{name}": f"{sentence}, {said}."
        for way, said in _WAYS.items()
        for name, sentence in {
            "watches": "Expected watches of a page",
            "topics": "Topics among the first 30 slots",
            "channels": "Channels among the first 30 slots",
            "opened": "Expected topics of a page that a viewer watches for the first time",
            "ms": "Processor milliseconds to put the candidates of a page in order",
        }.items()
    },
    **{
        f"{part}_{name}": f"{sentence}, at {said}, over the same at exploration 0."
        for part, (said, _) in _PARTS.items()
        for name, sentence in {
            "watches": "Expected watches",
            "watch_s": "Expected watch time",
            "opened": "Expected topics watched for the first time",
            "due": "Expected impressions of uploads to which they are guaranteed",
        }.items()
    },
}


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Make a site with a release, and put the candidates of its visits in order in every way."""
    from homefeed.cli.bench.page_truth import mean_worth, visited_site

    task = progress.task_ids[0]
    progress.update(task, total=2 + len(_PARTS))
    with (
        tempfile.TemporaryDirectory(prefix="homefeed-diversity-") as home,
        visited_site(settings, Path(home)) as (site, visits, bundle),
    ):
        progress.update(task, advance=1)
        results = {"pages": float(len(visits))}
        orders = diverse(visits, bundle, lambda order: mean_worth(site, visits, order).watches)
        found = {way: mean_worth(site, visits, order) for way, order in orders.items()}
        for way, order in orders.items():
            results |= {f"{way}_{n}": getattr(found[way], n) for n in ("watches", "topics", "channels", "opened")}
            results[f"{way}_ms"] = _ms(visits, order)
        progress.update(task, advance=1)
        for part, (_, changes) in _PARTS.items():
            drawn = [mean_worth(site, visits, selected(_KNOB, changes, draw)) for draw in range(DRAWS)]
            results |= ratios(part, drawn, found["decay"])
            progress.update(task, advance=1)
    return {name: results[name] for name in MEANING}


def diverse(visits: "list[Visit]", bundle: Any, watches: Callable[[Order], float]) -> dict[str, Order]:
    """The ways of `_WAYS`, those with a strength at the one that leaves as many expected watches as the decay."""
    from homefeed.cli.bench.diverse_orders import greedy_dpp, mmr

    vectors = _unit_vectors(visits[0].draft.snapshot.keys, bundle)

    def by_mmr(share: float) -> Order:
        return lambda visit: mmr(_log_value(visit), vectors[visit.draft.rows], share, PAGE)

    def by_dpp(share: float) -> Order:
        # The power theta / (2 * (1 - theta)) of section 4.3 of the paper.
        power = share / (2 * (1 - share))

        def order(visit: "Visit") -> NDArray[np.int64]:
            relevance = _log_value(visit)
            return greedy_dpp(np.exp(power * (relevance - relevance.max())), vectors[visit.draft.rows], PAGE)

        return order

    decay = selected(0.0)
    wanted = watches(decay)
    return {
        "plain": lambda visit: np.argsort(-visit.draft.score, kind="stable")[:PAGE],
        "decay": decay,
        "mmr": by_mmr(matched(lambda share: watches(by_mmr(share)), wanted)),
        "dpp": by_dpp(matched(lambda share: watches(by_dpp(share)), wanted)),
    }


def matched(watches: Callable[[float], float], wanted: float) -> float:
    """The share of relevance, 0 to 1, at which `watches`, which grows with it, is `wanted`; by bisection."""
    low, high = 0.0, 0.99
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if watches(middle) < wanted else (low, middle)
    return (low + high) / 2


def selected(knob: float, changes: dict[str, float] | None = None, draw: int = 0) -> Order:
    """The order of the service's selector, with some of its settings changed."""
    from serving.selector import select

    def order(visit: "Visit") -> NDArray[np.int64]:
        settings = visit.draft.settings.model_copy(update=changes or {})
        name = f"{visit.draft.request_id}-{draw}"
        draft = replace(visit.draft, settings=settings, exploration=knob, request_id=name)
        select(draft)
        assert draft.slate is not None
        return draft.slate.index

    return order


def ratios(part: str, drawn: "list[Worth]", base: "Worth") -> dict[str, float]:
    """The mean of `drawn` over the worth at exploration 0, by name of the result."""
    names = ("watches", "watch_s", "opened", "due")
    return {f"{part}_{n}": float(np.mean([getattr(one, n) for one in drawn])) / getattr(base, n) for n in names}


def _log_value(visit: "Visit") -> NDArray[np.float32]:
    return np.log(np.maximum(visit.draft.score, np.float32(_LEAST_VALUE)))


def _unit_vectors(keys: NDArray[np.int64], bundle: Any) -> NDArray[np.float32]:
    """[n, d] of the snapshot's videos without the bias, of length 1."""
    vectors = np.asarray(bundle.index.take(keys), np.float32)[:, :-1]
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)


def _ms(visits: "list[Visit]", order: Order) -> float:
    began = time.thread_time()
    for visit in visits:
        order(visit)
    return (time.thread_time() - began) * 1000 / len(visits)
