"""The live release's predictions of held-out exposures, for the report of a training."""

from homefeed import windows
from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from models.ranking.closed_windows import predictions
from models.ranking.evaluation import Rival
from models.ranking.examples import Examples


def live_rival(settings: Settings, release: str, holdout_first: str, holdout: Examples) -> Rival:
    """What release `release` predicts for the holdout that begins with window `holdout_first`.

    Its predictions are None, with the reason, when its bundle is refused, when its ranker reads histories of another
    length than the examples hold, or when it may have seen the holdout: a comparison would then be unfair.
    """
    title = f"live release {release}"

    def without(reason: str) -> Rival:
        return Rival("live", title, None, reason)

    from models.bundle import load_bundle

    try:
        bundle = load_bundle(settings, release)
    except HomefeedError as error:
        return without(str(error))
    knobs = settings.ranking
    training = bundle.manifest.metrics.get("trainings", {}).get("ranking")
    if training is None:
        return without("its manifest does not say which training its ranker is of")
    # A training is named by the newest window that it was given; the last of them it did not look at.
    seen = windows.shift(training.split("-")[0], -knobs.holdout_windows)
    if seen >= holdout_first:
        return without(f"it was calibrated up to window {seen}, and the holdout begins with {holdout_first}")
    lengths = (settings.features.history_length, knobs.history_length)
    of_live = (bundle.shape.history_length, bundle.shape.ranker_history_length)
    if of_live != lengths:
        return without(f"its ranker reads histories of {of_live} watches, this one of {lengths}")
    heads = predictions(bundle, holdout.inputs, len(holdout))
    return Rival("live", title, heads["watched"], value=bundle.value(heads))
