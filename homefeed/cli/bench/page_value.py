"""What a ranker's pages are worth by the truth of a synthetic site: one row is one viewer's page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed.features import ENTITIES, aggregate_columns
from homefeed.settings import Settings

if TYPE_CHECKING:
    from homefeed.cli.bench.world_exposures import WorldExposures
    from homefeed.world.site import Site
    from models.ranking.examples import Inputs

PAGE = 100
NUM_VIEWERS, NUM_CANDIDATES = 300, 2000
_CANDIDATE_AGGREGATES = [c for entity in ENTITIES if entity != "user" for c in aggregate_columns(entity)]


@dataclass(frozen=True)
class Choice:
    """What one viewer's page is chosen from.

    Attributes:
      inputs: of n candidates, the slot hidden as when a page is served.
      interest: [n] true probability that the viewer watches each in the first slot, the same slot for all.
      shown: n exposures, each candidate in the first slot, with the columns that `Site.indexed` reads.
    """

    inputs: "Inputs"
    interest: NDArray[np.float32]
    shown: pa.Table


def choices(settings: Settings, made: "WorldExposures") -> list[Choice]:
    """`NUM_VIEWERS` people who open a page in the newest windows of the holdout, each with those of `NUM_CANDIDATES`
    servable videos, drawn at random, that they may see."""
    from models.ranking.columns import candidate_columns, viewer_columns
    from models.ranking.examples import HIDDEN_SLOT, inputs_of

    site, table, random = made.site, made.table, np.random.default_rng(settings.seed)
    rows = made.newest.take(pa.array(_first_of_people(made, random)))
    drawn = np.sort(random.permutation(len(made.candidates))[:NUM_CANDIDATES])
    candidates = made.candidates.take(pa.array(drawn))
    content = candidate_columns(candidates.column("video").to_numpy(), table)
    content["slot"] = np.full(len(candidates), HIDDEN_SLOT, np.int32)
    held = {name: candidates.column(name).to_numpy() for name in _CANDIDATE_AGGREGATES}
    viewer = viewer_columns(rows, table, settings.features.history_length)
    known = {name: rows.column(name).to_numpy().astype(np.float32) for name in aggregate_columns("user")}
    times = rows.column("time").cast(pa.int64()).to_numpy()
    people, videos = site.viewers_of(rows.column("user")), site.videos_of(candidates.column("video"))

    def choice(k: int) -> Choice:
        may = site.allowed(np.full(len(videos), people[k]), videos) & (site.videos.uploaded_us[videos] < times[k])
        chosen = np.flatnonzero(may)
        one = np.ones(len(chosen), np.int64)
        inputs = inputs_of(
            {name: column[k : k + 1] for name, column in viewer.items()},
            {name: column[chosen] for name, column in content.items()},
            {name: c[chosen] for name, c in held.items()} | {name: c[k] for name, c in known.items()},
            settings.ranking.history_length,
        )
        shown = pa.table(
            {
                "user": rows.column("user").take(pa.array(k * one)),
                "video": candidates.column("video").take(pa.array(chosen)),
                "slot": pa.array(0 * one),
                "time": rows.column("time").take(pa.array(k * one)),
                "device": rows.column("device").take(pa.array(k * one)),
            }
        )
        return Choice(inputs, site.interest(*site.indexed(shown)), shown)

    return [choice(k) for k in range(len(rows))]


def page_values(made: list[Choice], score: Callable[["Inputs"], NDArray[np.float32]]) -> NDArray[np.float64]:
    """Sum of the true probabilities of the `PAGE` candidates of each choice that score highest, [viewers]."""
    return np.array([_worth(c, score(c.inputs)) for c in made])


def forecast_values(
    made: list[Choice],
    site: "WorldExposures",
    forecast: Callable[["Site", pa.Table, Any, pa.Table], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """The same by a forecast (`informed.py`, `estimated.py`) that is told of the site's truth, and estimates the rest
    from the exposures of training and validation: what a log can tell."""
    past = pa.concat_tables([site.train.rows, site.validation.rows])
    weight = np.concatenate([site.train.examples.weight, site.validation.examples.weight])
    promised = forecast(site.site, past, weight, pa.concat_tables([c.shown for c in made]))
    ends = np.cumsum([len(c.interest) for c in made])
    return np.array([_worth(c, part) for c, part in zip(made, np.split(promised, ends[:-1]), strict=True)])


def best_values(made: list[Choice]) -> NDArray[np.float64]:
    """The same of the candidates that are truly the best."""
    return np.array([float(np.sort(c.interest)[-PAGE:].sum()) for c in made])


def _worth(choice: Choice, score: NDArray[Any]) -> float:
    return float(choice.interest[np.argsort(-score, kind="stable")[:PAGE]].sum())


def share_of(values: NDArray[np.float64], best: NDArray[np.float64], seed: int) -> tuple[float, float, float]:
    """Sum of `values` over that of `best`, both [viewers], with the ends of its 95 % interval over viewers.

    Source: Efron 1979 (bootstrap), 1,000 draws.
    """
    random = np.random.default_rng(seed)
    drawn = random.integers(len(best), size=(1000, len(best)))
    low, high = np.quantile(values[drawn].sum(axis=1) / best[drawn].sum(axis=1), [0.025, 0.975])
    return float(values.sum() / best.sum()), float(low), float(high)


def _first_of_people(made: "WorldExposures", random: np.random.Generator) -> NDArray[np.int64]:
    """Rows of `made.newest`, one of each person."""
    viewers = made.site.viewers_of(made.newest.column("user"))
    _, first = np.unique(viewers, return_index=True)
    people = first[~made.site.audience.is_bot[viewers[first]]]
    return np.asarray(random.permutation(people)[:NUM_VIEWERS], np.int64)
