"""`homefeed bench ranking`: the ranker against the truth of a synthetic site, against rivals there and on MovieLens.

One site, split in time: the ranker, a gradient-boosted tree and a logistic regression learn the first days from the
same exposures and features, all are calibrated on the same next windows, and every number is of the windows after
these, which nothing has seen. Against the truth the ranker answers each window as the platform does, with calibrators
and corrections that were fitted again to the windows known by then; beside the rivals it is calibrated once, as they.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from homefeed.cli.bench import ranking_movielens
from homefeed.cli.bench.refitted_ranker import answered
from homefeed.cli.bench.rivals_of_ranker import RIVALS, compared
from homefeed.cli.bench.world_exposures import WorldExposures, true_watched, world_exposures
from homefeed.settings import Settings
from homefeed.settings.world import WorldSettings

if TYPE_CHECKING:
    from models.names import Names
    from models.ranking.calibrated import CalibratedRanker
    from models.ranking.examples import Examples

SITE = {"num_viewers": 30_000, "num_videos": 20_000, "history_days": 3.0, "live_days": 0.0}
#: All viewers are alike: there is nothing to know of a viewer that a log does not tell.
PLAIN_SITE = {"num_viewers": 15_000, "num_videos": 20_000, "history_days": 2.0, "live_days": 0.0, "taste": 0.0}
HOLDOUT_WINDOWS, LEAST_POSITIVES = 24, 1000
HEADS = ("watched", "liked", "subscribed")
MEANING = {
    "train_exposures": "Exposures of the site that are learned, missed ones sampled.",
    "holdout_exposures": "Exposures of the holdout: every one of its windows.",
    "holdout_watches": "Of them watched.",
    "oracle_ne": "Normalised entropy of the site's own probabilities on the holdout: what nothing can be below.",
    "oracle_calibration": "Watches that the site's own probabilities promise, over those observed: the holdout's luck.",
    **{f"{name}_ne": f"Normalised entropy of watches by {text}." for name, text in RIVALS.items()},
    "ne_to_oracle": "Normalised entropy of the ranker, refitted in every window, divided by the oracle's.",
    "ne_to_oracle_low": "Low end of its 95 % interval, over viewers.",
    "ne_to_oracle_high": "High end.",
    "informed_ne": "Normalised entropy of a forecast that knows all of the site but tastes, and estimates these from "
    "each viewer's exposures (`homefeed/cli/bench/informed.py`); calibrated alike.",
    "informed_to_oracle": "That divided by the oracle's: what not knowing tastes costs.",
    "ne_to_informed": "Normalised entropy of the ranker divided by it.",
    "plain_ne_to_oracle": "Normalised entropy of the ranker divided by the oracle's on a site whose viewers are alike.",
    "plain_ne_to_oracle_low": "Low end of its 95 % interval, over viewers.",
    "plain_ne_to_oracle_high": "High end.",
    "plain_oracle_ne": "Normalised entropy of that site's own probabilities.",
    "oracle_pr_auc": "Area under precision and recall of watches by the site's own probabilities.",
    **{f"{name}_pr_auc": f"The same by {text}." for name, text in RIVALS.items()},
    "ne_to_best_rival": "Normalised entropy of the ranker divided by the lower of the rivals'.",
    "pr_auc_to_best_rival": "PR-AUC of the ranker divided by the higher of the rivals'.",
    **{
        name: text
        for head in HEADS
        for name, text in {
            f"{head}_calibration": f"Predicted over observed, head `{head}`.",
            f"{head}_slices": f"Slices with at least {LEAST_POSITIVES:,} positives of it.",
            f"{head}_slice_low": "Least predicted over observed among them.",
            f"{head}_slice_high": "Greatest.",
            f"{head}_slice_worst": "The slice that is furthest off.",
        }.items()
    },
    "watch_s_calibration": "Mean predicted watch time over the observed one.",
    **{
        f"fixed_{name}": f"`{name}` with what was fitted before the holdout, for all of it."
        for name in (
            *("ne_to_oracle", "watched_calibration", "watched_slice_low", "watched_slice_high", "watched_slice_worst"),
            "watch_s_calibration",
        )
    },
    **ranking_movielens.MEANING,
}


def run(settings: Settings, progress: Progress) -> dict[str, float | str]:
    """Make both sites, train on each, and on MovieLens 100K when `settings.data` holds it."""
    task = progress.task_ids[0]
    progress.update(task, total=5)
    results: dict[str, float | str] = {}
    for prefix, site, measure in (("", SITE, measured), ("plain_", PLAIN_SITE, against_truth)):
        made = made_site(settings, settings.world.model_copy(update=site))
        progress.update(task, advance=1)
        results |= {f"{prefix}{name}": value for name, value in measure(settings, made).items()}
        progress.update(task, advance=1)
    results |= ranking_movielens.measured(settings)
    progress.update(task, advance=1)
    return {name: results[name] for name in MEANING if name in results}


def made_site(settings: Settings, world: WorldSettings) -> WorldExposures:
    """The site's exposures, split as the benchmark splits them."""
    return world_exposures(settings, world, HOLDOUT_WINDOWS, settings.ranking.validation_windows)


def measured(settings: Settings, made: WorldExposures) -> dict[str, float | str]:
    """Train the three on the site, and measure them on its holdout."""
    train, validation, holdout = parts(settings, made)
    ranker = learned(settings, made)
    fixed = ranker.heads(holdout)
    # The rivals are calibrated once, and so is the ranker beside them.
    results = compared(settings, train, validation, holdout, [fixed["watched"]])
    informed = _informed_ne(settings, made)
    heads = answered(settings, made, ranker)
    truth = _truth(settings, made, heads["watched"])
    return {
        "train_exposures": float(len(train)),
        "holdout_exposures": float(len(holdout)),
        "holdout_watches": float(holdout.labels["watched"].sum()),
        **truth,
        "informed_ne": informed,
        "informed_to_oracle": informed / truth["oracle_ne"],
        "ne_to_informed": truth["ne_to_oracle"] * truth["oracle_ne"] / informed,
        **results,
        **calibrations(holdout, heads, made.names),
        **{f"fixed_{name}": value for name, value in _truth(settings, made, fixed["watched"]).items()},
        **{f"fixed_{name}": value for name, value in calibrations(holdout, fixed, made.names).items()},
    }


def against_truth(settings: Settings, made: WorldExposures) -> dict[str, float]:
    """Train the ranker on the site, and measure it against the truth of its holdout."""
    return _truth(settings, made, answered(settings, made, learned(settings, made))["watched"])


def parts(settings: Settings, made: WorldExposures) -> tuple["Examples", "Examples", "Examples"]:
    """Train, as many as training reads, validation and holdout."""
    from models.ranking.calibrated import newest

    train = newest(made.train.examples, settings.ranking.max_train_rows)
    return train, made.validation.examples, made.holdout.examples


def learned(settings: Settings, made: WorldExposures) -> "CalibratedRanker":
    """A ranker, trained and calibrated as the platform does."""
    from models.ranking.calibrated import calibrated_ranker

    train, validation, _ = parts(settings, made)
    return calibrated_ranker(settings, train, validation)


def _truth(settings: Settings, made: WorldExposures, promised: NDArray[np.float32]) -> dict[str, float]:
    """The ranker's predicted watches of the holdout [n] beside the site's own probabilities."""
    from models.evaluation import calibration, normalised_entropy, pr_auc, viewer_bootstrap
    from models.evaluation.metrics import log_loss

    holdout, truth = made.holdout.examples, true_watched(made.site, made.holdout.rows)
    watched = holdout.labels["watched"] > 0
    ratio = viewer_bootstrap(holdout.users, log_loss(watched, promised), log_loss(watched, truth), seed=settings.seed)
    return {
        "oracle_ne": normalised_entropy(watched, truth),
        "oracle_calibration": calibration(watched, truth),
        "oracle_pr_auc": pr_auc(watched, truth),
        "ne_to_oracle": ratio.estimate,
        "ne_to_oracle_low": ratio.low,
        "ne_to_oracle_high": ratio.high,
    }


def _informed_ne(settings: Settings, made: WorldExposures) -> float:
    """Of the holdout, from the exposures of train and validation; calibrated on validation from those of train."""
    import pyarrow as pa

    from homefeed.cli.bench.informed import informed_watched
    from models.evaluation import normalised_entropy
    from models.ranking.calibration import calibrate

    train, validation, holdout = made.train, made.validation, made.holdout
    before = informed_watched(made.site, train.rows, train.examples.weight, validation.rows)
    line = calibrate(
        before.astype(np.float32), validation.examples.labels["watched"], settings.ranking, is_probability=True
    )
    past = pa.concat_tables([train.rows, validation.rows])
    weight = np.concatenate([train.examples.weight, validation.examples.weight])
    promised = line(informed_watched(made.site, past, weight, holdout.rows).astype(np.float32))
    return normalised_entropy(holdout.examples.labels["watched"] > 0, promised)


def calibrations(holdout: "Examples", heads: dict[str, NDArray[np.float32]], names: "Names") -> dict[str, Any]:
    """Predicted over observed of the heads, over all and in the slices that have enough positives."""
    from models.evaluation import calibration
    from models.ranking.slice_calibration import slice_calibrations

    results: dict[str, Any] = {"watch_s_calibration": calibration(holdout.labels["watch_s"], heads["watch_s"])}
    for head in HEADS:
        found = slice_calibrations(holdout, head, heads[head], names, LEAST_POSITIVES)
        ratios = [part.ratio for part in found]
        results |= {
            f"{head}_calibration": calibration(holdout.labels[head], heads[head]),
            f"{head}_slices": float(len(found)),
            f"{head}_slice_low": min(ratios, default=float("nan")),
            f"{head}_slice_high": max(ratios, default=float("nan")),
            f"{head}_slice_worst": f"{found[0].group}: {found[0].name}" if found else "none has enough",
        }
    return results
