"""`homefeed bench ranking-position`: what the shallow tower for slots is worth, by the truth of a synthetic site.

The site's history puts popular videos at the top of its pages, where everything is watched more. A ranker that
does not know of slots takes this for merit. Three rankers learn the same exposures: with the tower, without a word
about the slot, and with the slot as a feature. Each chooses pages of 100 for the same viewers, worth the sum of the
true probabilities of a watch in one and the same slot.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from homefeed.settings import Settings

if TYPE_CHECKING:
    from homefeed.cli.bench.world_exposures import WorldExposures

SITE = {"num_viewers": 10_000, "num_videos": 10_000, "history_days": 2.0, "live_days": 0.0, "popular_first": 2.0}
#: All viewers are alike: there is nothing to know of a viewer that a log does not tell.
PLAIN_SITE = {**SITE, "taste": 0.0}
HOLDOUT_WINDOWS, NUM_SEEDS = 12, 2
_POSITIONS = {
    "tower": "the shallow tower (`ranking.position=tower`)",
    "none": "nothing about the slot (`none`)",
    "feature": "the slot as a feature, the first slot when a page is ranked (`feature`)",
}
_SITES = {"": "", "plain_": " On a site whose viewers are alike."}
MEANING = {
    f"{prefix}{name}": text + where
    for prefix, where in _SITES.items()
    for name, text in {
        "train_exposures": "Exposures that are learned, missed ones sampled.",
        "viewers": "Viewers whose pages are chosen, each from up to 2,000 videos.",
        "chance_page": "Worth of a page drawn at random, over that of the best page by the truth.",
        "informed_page": "The same by a forecast that knows all of the site but tastes, and estimates these from the "
        "log (`homefeed/cli/bench/informed.py`).",
        "informed_page_low": "Low end of its 95 % interval, over viewers.",
        "informed_page_high": "High end.",
        "estimated_page": "The same by a forecast that does not know the videos' qualities either "
        "(`homefeed/cli/bench/estimated.py`).",
        "estimated_page_low": "Low end of its 95 % interval, over viewers.",
        "estimated_page_high": "High end.",
        **{
            f"{position}_page{end}": sentence
            for position, who in _POSITIONS.items()
            for end, sentence in {
                "": f"Worth of the pages over that of the best pages with {who}; mean of {NUM_SEEDS} trainings.",
                "_low": "Low end of its 95 % interval, over viewers.",
                "_high": "High end.",
            }.items()
        },
        **{
            f"tower_less_{position}{end}": sentence
            for position in ("none", "feature")
            for end, sentence in {
                "": f"What the tower's pages are worth more than with `{position}`, over the best pages' worth.",
                "_low": "Low end of its 95 % interval, over viewers.",
                "_high": "High end.",
            }.items()
        },
    }.items()
}


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Make both sites; train three rankers `NUM_SEEDS` times on each."""
    from homefeed.cli.bench.world_exposures import world_exposures

    task = progress.task_ids[0]
    progress.update(task, total=2 * (1 + NUM_SEEDS * len(_POSITIONS)))
    results: dict[str, float] = {}
    for prefix, site in (("", SITE), ("plain_", PLAIN_SITE)):
        world = settings.world.model_copy(update=site)
        made = world_exposures(settings, world, HOLDOUT_WINDOWS, settings.ranking.validation_windows)
        progress.update(task, advance=1)
        results |= {f"{prefix}{name}": value for name, value in measured(settings, made, progress).items()}
    return {name: results[name] for name in MEANING}


def measured(settings: Settings, made: "WorldExposures", progress: Progress) -> dict[str, float]:
    """Train on one site, and value the pages of all three rankers."""
    from homefeed.cli.bench.estimated import estimated_watched
    from homefeed.cli.bench.informed import informed_watched
    from homefeed.cli.bench.page_value import PAGE, best_values, choices, forecast_values, page_values
    from models.ranking.calibrated import calibrated_ranker

    choice = choices(settings, made)
    values: dict[str, list[NDArray[np.float64]]] = {position: [] for position in _POSITIONS}
    for seed in range(settings.seed, settings.seed + NUM_SEEDS):
        for position in _POSITIONS:
            knobs = settings.ranking.model_copy(update={"position": position})
            own = settings.model_copy(update={"seed": seed, "ranking": knobs})
            ranker = calibrated_ranker(own, made.train.examples, made.validation.examples)
            values[position].append(page_values(choice, ranker.trainer.watched))
            progress.update(progress.task_ids[0], advance=1)
    means = {position: np.mean(each, axis=0) for position, each in values.items()}
    told = {
        "informed": forecast_values(choice, made, informed_watched),
        "estimated": forecast_values(choice, made, estimated_watched),
    }
    chance = np.array([PAGE * float(c.interest.mean()) for c in choice])
    return {
        "train_exposures": float(len(made.train.examples)),
        "viewers": float(len(choice)),
        **compared(means, chance, best_values(choice), settings.seed, told),
    }


def compared(
    values: dict[str, NDArray[np.float64]],
    chance: NDArray[np.float64],
    best: NDArray[np.float64],
    seed: int,
    told: dict[str, NDArray[np.float64]],
) -> dict[str, float]:
    """Shares of the best pages' worth, from the worth of each page [viewers] by position, by chance, at best and by
    forecasts that are told of the truth."""
    from homefeed.cli.bench.page_value import share_of

    found = {f"{who}_page": share_of(worth, best, seed) for who, worth in {"chance": chance, **told, **values}.items()}
    for other in ("none", "feature"):
        found[f"tower_less_{other}"] = share_of(values["tower"] - values[other], best, seed)
    ends = {name: {"": middle, "_low": low, "_high": high} for name, (middle, low, high) in found.items()}
    return {f"{name}{end}": value for name, each in ends.items() for end, value in each.items()}
