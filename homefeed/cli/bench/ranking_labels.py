"""`homefeed bench ranking-labels`: what noise in the labels and sampled missed exposures cost, by the truth of a site.

One synthetic site writes its history twice: as it is, with bots and with videos that were opened by accident, and
without these. Rankers learn from either, and from all or a share of the missed exposures; each is asked about the same
exposures of people, whose true probabilities are known.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from rich.progress import Progress

from homefeed.cli.bench.world_exposures import Part, WorldExposures, true_watched, world_exposures
from homefeed.settings import Settings

if TYPE_CHECKING:
    from models.ranking.examples import Examples

#: About two impressions in a hundred are a bot's, and about five positives in a hundred are accidents.
SITE = {
    "num_viewers": 20_000,
    "num_videos": 20_000,
    "history_days": 1.5,
    "live_days": 0.0,
    "bot_share": 0.0025,
    "accident_rate": 0.0016,
    "accident_longest_s": 20.0,
}
HOLDOUT_WINDOWS, NUM_SEEDS = 12, 3
#: Share of the missed exposures that is learned where they are sampled.
RATE = 0.1
_LEARNED = {
    "clean": f"the clean history, missed exposures sampled at {RATE:g}",
    "noisy": "the noisy history without the viewers whom the platform takes for bots, sampled alike",
    "noisy_with_bots": "the noisy history, sampled alike",
    "all_missed": "the clean history with every missed exposure",
}
MEANING = {
    "exposures": "Exposures of people in the holdout of both histories: what every ranker is asked about.",
    "true_pr_auc": "PR-AUC of the true probabilities against the labels that they are the probabilities of.",
    "bot_share": "Share of the noisy history's training exposures that are bots'.",
    "bots_found": "Share of these that the platform takes for bots'.",
    "people_taken_for_bots": "People whom it takes for bots.",
    "accident_share": "Share of the positives of people in the noisy holdout that were opened by accident.",
    "train_exposures": f"Exposures of the clean history that are learned when missed ones are sampled at {RATE:g}.",
    "all_train_exposures": "All of them.",
    **{
        f"{name}_pr_auc": f"PR-AUC against the truth, learned from {text}; mean of {NUM_SEEDS} trainings."
        for name, text in _LEARNED.items()
    },
    "noisy_to_clean": "That from the noisy history over that from the clean one.",
    "noisy_to_clean_low": "Least of it among trainings with one seed each.",
    "noisy_to_clean_high": "Greatest.",
    "noisy_with_bots_to_clean": "The same with the bots.",
    "sampled_to_all": "PR-AUC with sampled missed exposures over that with all of them.",
    "sampled_to_all_low": "Least of it among trainings with one seed each.",
    "sampled_to_all_high": "Greatest.",
    "clean_calibration": "Predicted over true probability, learned from sampled ones of the clean history.",
    "all_missed_calibration": "The same of the one that learned all.",
}


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Write both histories, and train on each."""
    task = progress.task_ids[0]
    progress.update(task, total=2 + NUM_SEEDS * len(_LEARNED))
    every, world = with_rate(settings, 1.0), settings.world.model_copy(update=SITE)
    num_windows = HOLDOUT_WINDOWS, settings.ranking.validation_windows
    clean = world_exposures(every, world, *num_windows, is_clean=True)
    progress.update(task, advance=1)
    noisy = world_exposures(every, world, *num_windows)
    progress.update(task, advance=1)
    return measured(settings, clean, noisy, progress)


def with_rate(settings: Settings, rate: float) -> Settings:
    """The settings with a share of missed exposures that is learned."""
    knobs = settings.ranking.model_copy(update={"negative_rate": rate, "max_train_rows": 2**31})
    return settings.model_copy(update={"ranking": knobs})


def measured(settings: Settings, clean: WorldExposures, noisy: WorldExposures, progress: Progress) -> dict[str, float]:
    """Train on both histories of a site, made with every missed exposure."""
    from models.evaluation import calibration

    in_clean, in_noisy = shared(clean, noisy)
    truth = true_watched(clean.site, clean.holdout.rows.take(pa.array(in_clean)))
    sampled, rest = with_rate(settings, RATE), sampled_of(clean.train.examples, RATE, settings.seed)
    without = _people(noisy, noisy.train)
    learned = {
        "clean": (sampled, rest, clean.validation.examples, clean.holdout.examples.take(in_clean)),
        "noisy": (
            sampled,
            sampled_of(noisy.train.examples.take(without), RATE, settings.seed),
            noisy.validation.examples.take(_people(noisy, noisy.validation)),
            noisy.holdout.examples.take(in_noisy),
        ),
        "noisy_with_bots": (
            sampled,
            sampled_of(noisy.train.examples, RATE, settings.seed),
            noisy.validation.examples,
            noisy.holdout.examples.take(in_noisy),
        ),
        "all_missed": (
            with_rate(settings, 1.0),
            clean.train.examples,
            clean.validation.examples,
            clean.holdout.examples.take(in_clean),
        ),
    }
    areas: dict[str, list[float]] = {name: [] for name in learned}
    ratios: dict[str, list[float]] = {name: [] for name in learned}
    for seed in range(settings.seed, settings.seed + NUM_SEEDS):
        for name, (own, train, validation, asked) in learned.items():
            promised = _watched(own.model_copy(update={"seed": seed}), train, validation, asked)
            areas[name].append(area_against(truth, promised))
            ratios[name].append(calibration(truth, promised))
            progress.update(progress.task_ids[0], advance=1)
    return {
        "exposures": float(len(truth)),
        "true_pr_auc": area_against(truth, truth),
        **noise(clean, noisy, in_clean, in_noisy),
        "train_exposures": float(len(rest)),
        "all_train_exposures": float(len(clean.train.examples)),
        **compared(areas),
        "clean_calibration": float(np.mean(ratios["clean"])),
        "all_missed_calibration": float(np.mean(ratios["all_missed"])),
    }


def compared(areas: dict[str, list[float]]) -> dict[str, float]:
    """Means of PR-AUC by what was learned, each by seed, and their ratios."""
    each = {name: np.array(values) for name, values in areas.items()}
    results = {f"{name}_pr_auc": float(values.mean()) for name, values in each.items()}
    for name, above, below in (("noisy_to_clean", "noisy", "clean"), ("sampled_to_all", "clean", "all_missed")):
        ratios = each[above] / each[below]
        results |= {
            name: float(each[above].mean() / each[below].mean()),
            f"{name}_low": float(ratios.min()),
            f"{name}_high": float(ratios.max()),
        }
    results["noisy_with_bots_to_clean"] = float(each["noisy_with_bots"].mean() / each["clean"].mean())
    return {name: results[name] for name in MEANING if name in results}


def noise(
    clean: WorldExposures, noisy: WorldExposures, in_clean: NDArray[np.int64], in_noisy: NDArray[np.int64]
) -> dict[str, float]:
    """How much of it there is, and how much of the bots' the platform finds."""
    site, users = noisy.site, noisy.train.examples.users
    is_bot = site.audience.is_bot[site.viewers_of(pa.chunked_array([users]))]
    is_found = np.isin(users, noisy.bots)
    with_accidents = noisy.holdout.examples.labels["watched"][in_noisy] > 0
    without = clean.holdout.examples.labels["watched"][in_clean] > 0
    return {
        "bot_share": float(is_bot.mean()),
        "bots_found": float(is_found[is_bot].mean()) if is_bot.any() else float("nan"),
        "people_taken_for_bots": float(len(np.unique(users[is_found & ~is_bot]))),
        "accident_share": float((with_accidents & ~without).sum() / max(1, with_accidents.sum())),
    }


def shared(clean: WorldExposures, noisy: WorldExposures) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the clean and of the noisy holdout that are the same exposure, in the same order."""
    ours, theirs = (made.holdout.rows.column("event_id").combine_chunks() for made in (clean, noisy))
    place = pc.index_in(ours, theirs)
    in_clean = np.flatnonzero(pc.is_valid(place).to_numpy(zero_copy_only=False))
    return in_clean, place.drop_null().to_numpy().astype(np.int64)


def sampled_of(examples: "Examples", rate: float, seed: int) -> "Examples":
    """A share of the exposures without any reaction, weighted for it, and all others, as a training reads them."""
    from dataclasses import replace

    reacted = np.any(
        [examples.labels[name] > 0 for name in ("watched", "liked", "subscribed", "shared", "dismissed")], axis=0
    )
    kept = np.flatnonzero(reacted | (np.random.default_rng(seed).random(len(examples)) < rate))
    weight = np.where(reacted[kept], 1.0, 1.0 / rate).astype(np.float32)
    return replace(examples.take(kept), weight=weight)


def area_against(truth: NDArray[np.float64], scores: NDArray[Any]) -> float:
    """PR-AUC that labels drawn with the true probabilities [n] would have in the mean of many draws, nearly: each
    exposure counts as watched with its probability and as missed with the rest."""
    from models.evaluation import pr_auc

    labels = np.repeat([True, False], len(truth))
    return pr_auc(labels, np.tile(scores, 2), np.concatenate([truth, 1 - truth]))


def _people(made: WorldExposures, part: Part) -> NDArray[np.int64]:
    """Rows of those whom the platform does not take for bots."""
    return np.flatnonzero(~np.isin(part.examples.users, made.bots))


def _watched(settings: Settings, train: "Examples", validation: "Examples", asked: "Examples") -> NDArray[np.float32]:
    """What a ranker, trained and calibrated as the platform does, promises of the exposures."""
    from models.ranking.calibrated import calibrated_ranker

    return calibrated_ranker(settings, train, validation).heads(asked)["watched"]
