"""The ranker and its rivals on MovieLens 100K, where the newest tenth of the ratings is predicted."""

import numpy as np

from homefeed.cli.bench.rivals_of_ranker import RIVALS, compared
from homefeed.settings import Settings

#: Trainings of the ranker, one seed each.
SEEDS = 3
MEANING = {
    "movielens_ratings": "Ratings of MovieLens 100K that are predicted: the newest tenth; no impressions are made up.",
    **{
        f"movielens_{name}_{measure}": f"{text} of ratings of 4 and more by {who}"
        + (f", mean of {SEEDS} trainings." if name == "ranker" else ".")
        for measure, text in {"ne": "Normalised entropy", "pr_auc": "PR-AUC"}.items()
        for name, who in RIVALS.items()
    },
    "movielens_calibration": "Ratings of 4 and more that the ranker predicts, over those observed.",
    "movielens_ne_to_best_rival": "Normalised entropy of the ranker divided by the lower of the rivals'.",
    "movielens_pr_auc_to_best_rival": "PR-AUC of the ranker divided by the higher of the rivals'.",
}


def measured(settings: Settings) -> dict[str, float | str]:
    """The three models on MovieLens 100K; the reason in place of the numbers when the folder is missing."""
    from homefeed.cli.bench.rating_exposures import FOLDER, rating_examples
    from models.evaluation import calibration
    from models.ranking.calibrated import calibrated_ranker

    folder = settings.data / FOLDER
    if not folder.is_dir():
        return {"movielens_ratings": f"skipped: there is no {folder}; HOMEFEED_DATA names the folder that holds it"}
    # Every rating is there, so no log-odds are to be corrected.
    own = settings.model_copy(update={"ranking": settings.ranking.model_copy(update={"negative_rate": 1.0})})
    train, validation, holdout = rating_examples(own, folder)
    # The two best are near each other, and seeds of one training differ by as much.
    seeds = [own.model_copy(update={"seed": own.seed + more}) for more in range(SEEDS)]
    watched = [calibrated_ranker(one, train, validation).heads(holdout)["watched"] for one in seeds]
    results = compared(own, train, validation, holdout, watched)
    return {
        "movielens_ratings": float(len(holdout)),
        "movielens_calibration": float(np.mean([calibration(holdout.labels["watched"], p) for p in watched])),
        **{f"movielens_{name}": value for name, value in results.items()},
    }
