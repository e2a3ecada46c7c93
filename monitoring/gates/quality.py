"""G6: offline quality against live, paired, on exposures that neither release was trained on."""

import numpy as np
from numpy.typing import NDArray

from homefeed.verdict import Check
from models.evaluation import viewer_bootstrap
from models.evaluation.grouped import ndcg_parts
from models.evaluation.metrics import log_loss
from models.evaluation.places import places
from monitoring.decision import not_worse, waiting
from monitoring.gates.recall import recall
from monitoring.look import Look


def quality(look: Look) -> list[Check]:
    """`ne_live`, `ndcg_live` and `recall_live`; nothing when nothing is live."""
    rival, knobs = look.rival, look.settings.rollout
    if rival is None or rival.bundle is None:
        return []
    if too_few := look.too_few():
        checks = [waiting(name, too_few, len(look.rows)) for name in ("ne_live", "ndcg_live")]
    else:
        rows, what = look.rows, "log loss against live's, both at the observed rate"
        # At the observed rate: whether a release's own rate is right, calibration says.
        heads = [rows.at_observed_rate(side.heads(rows)["watched"]) for side in (look.candidate, rival)]
        scores = [side.score(rows) for side in (look.candidate, rival)]
        checks = [
            loss_check(look, "ne_live", *heads, margin=knobs.ne_margin, what=what),
            gain_check(look, "ndcg_live", *scores, margin=knobs.ndcg_margin, what="NDCG at 100 lost against live's"),
        ]
    return [*checks, recall(look, rival)]


def loss_check(
    look: Look, name: str, mine: NDArray[np.float32], theirs: NDArray[np.float32], *, margin: float, what: str
) -> Check:
    """Relative difference of the normalised entropies of two predictions [n]: with one background it is that of the
    losses."""
    rows = look.rows
    loss, other = log_loss(rows.watched, mine) * rows.weight, log_loss(rows.watched, theirs) * rows.weight
    least = look.settings.rollout.min_offline_viewers
    return _check(look, name, rows.users, loss - other, other, margin, what, least)


def gain_check(
    look: Look, name: str, mine: NDArray[np.float32], theirs: NDArray[np.float32], *, margin: float, what: str
) -> Check:
    """Relative fall of the NDCG at 100 of pages from one order to another, scores [n] each. Pages without a watch and
    exposures without a page say nothing."""
    rows = look.rows
    paged = rows.requests != 0
    page, watched, weight = rows.requests[paged], rows.watched[paged], rows.weight[paged]
    gains = [ndcg_parts(places(page, watched, score[paged], weight), watched, weight) for score in (mine, theirs)]
    # Pages in the order of `places`: by number.
    _, first = np.unique(page, return_index=True)
    counted = gains[0].denominator > 0
    viewers = rows.users[paged][first][counted]
    own, other = (gain.numerator[counted] for gain in gains)
    if len(np.unique(viewers)) < 2 or not other.sum():
        return waiting(name, f"{len(viewers)} pages with a watch in windows {look.span[0]}..{look.span[1]}")
    return _check(look, name, viewers, other - own, other, margin, what, least=2)


def _check(
    look: Look,
    name: str,
    viewers: NDArray[np.int64],
    harm: NDArray[np.float64],
    base: NDArray[np.float64],
    margin: float,
    what: str,
    least: int,
) -> Check:
    knobs = look.settings.rollout
    gap = viewer_bootstrap(viewers, harm, base, seed=look.settings.seed, confidence=knobs.confidence)
    return not_worse(
        name,
        (gap.estimate, gap.low, gap.high),
        fail_above=margin,
        pass_below=margin,
        num_samples=gap.num_viewers,
        enough=look.enough(least),
        what=what,
    )
