"""A page that two releases draft: the usual release's page and the other's, each made whole, then picked from in turns.

It costs a second page, so it has to fit into the deadline of the one that is there already. Where it does not, or where
the comparison would not be fair, the viewer gets the usual page, and the reason is counted.

Exploration goes first: a slot explores as on any page, from the usual release's pool, and is nobody's pick. So a slot
that explores with probability e shows video i with the propensity

    (1 - e) * (1/2 if it is the next best of the first, + 1/2 if of the second) + (e * w / sum of w left)
"""

import logging
import time
from dataclasses import replace

import numpy as np

from models.interleaving import NOBODY, SECOND
from models.membership import among
from serving.draft import Draft
from serving.exploration import slot_chances
from serving.fleet import Arm, Fleet
from serving.interleavings import Interleaving
from serving.metrics import INTERLEAVED, STAGE_SECONDS
from serving.pipeline import STAGES, run
from serving.selector import slate

_logger = logging.getLogger(__name__)
#: Share of the deadline by which the other page has to be there.
_MADE_BY = 0.85
#: Parts that fail for both releases alike: what is known of the viewer.
_SHARED = ("viewer_", "recent_")


def interleave(draft: Draft, arm: Arm | None, fleet: Fleet, found: Interleaving) -> bool:
    """Make the finished page of the usual release, `arm`, one that both releases of `found` drafted.

    Returns:
      False when the page stays as it is.
    """
    began = time.perf_counter()
    try:
        outcome = _try(draft, arm, fleet, found)
    except Exception:  # the usual page is there
        _logger.exception("request %s could not be interleaved for %s", draft.request_id, found.name)
        outcome = "failed"
    draft.stages_s["interleave"] = time.perf_counter() - began
    STAGE_SECONDS.labels(stage="interleave").observe(draft.stages_s["interleave"])
    INTERLEAVED.labels(outcome=outcome).inc()
    return outcome == "drafted"


def _try(draft: Draft, arm: Arm | None, fleet: Fleet, found: Interleaving) -> str:
    """What came of it: `drafted`, or why not."""
    if arm is None or arm.release not in found.releases:
        return "other_release"
    if fleet.is_control(draft.request.user, found.releases):
        # That release's own viewers see its pages; without these its two arms would not be alike.
        return "control"
    is_first = arm.release == found.releases[0]
    other = fleet.shown(found.releases[1 if is_first else 0])
    if other is None:
        return "not_loaded"
    if any(not part.startswith(_SHARED) for part in draft.degraded):
        return "degraded"
    # The other page takes about as long as this one did.
    taken_s = sum(draft.stages_s.get(name, 0.0) for name, _, _ in STAGES)
    if draft.budget.left_s(_MADE_BY) < taken_s:
        return "no_time"
    rival = run(_again(draft, other))
    if rival.degraded:
        return "degraded"
    _merge(draft, rival, is_first)
    return "drafted"


def _again(draft: Draft, arm: Arm) -> Draft:
    return Draft(
        request_id=draft.request_id,
        request=draft.request,
        time=draft.time,
        viewer=draft.viewer,
        snapshot=draft.snapshot,
        bundle=arm.bundle,
        settings=draft.settings,
        exploration=draft.exploration,
        budget=draft.budget,
        pool=draft.pool,
        beside=draft.beside,
    )


def _merge(draft: Draft, rival: Draft, is_first: bool) -> None:
    """Put the candidates of `rival` beside those of `draft`, and fill the slots from both."""
    ours, theirs = draft.ranked, rival.ranked
    assert ours is not None
    assert theirs is not None
    extra = np.flatnonzero(~among(rival.rows, draft.rows))
    rows = np.concatenate([draft.rows, rival.rows[extra]])
    order = np.argsort(rows, kind="stable")
    # [rival's candidates] -> place among all of them.
    place = order[np.searchsorted(rows, rival.rows, sorter=order)]
    joined = replace(ours, score=np.concatenate([ours.score, theirs.score[extra]]))
    num = draft.request.num
    coins = (draft.rng("interleave").random(num) < 0.5).tolist()
    chances = slot_chances(draft.exploration, num, draft.settings)
    page = slate(joined, chances, draft.rng("select"), place[theirs.best], coins)
    assert page.team is not None
    is_theirs = page.team == SECOND
    shown = page.index[is_theirs]
    own = np.zeros(len(rows), np.int64)
    own[place] = np.arange(len(place))
    score = page.score.copy()
    score[is_theirs] = theirs.score[own[shown]]
    heads = {}
    for name in draft.heads.keys() & rival.heads.keys():
        heads[name] = np.concatenate([draft.heads[name], rival.heads[name][extra]])
        heads[name][shown] = rival.heads[name][own[shown]]
    team = page.team if is_first else np.where(page.team == NOBODY, NOBODY, 1 - page.team).astype(np.int8)
    draft.rows, draft.columns, draft.heads = rows, draft.snapshot.take(rows), heads
    for name in ("source", "seed", "place", "score"):
        setattr(draft, name, np.concatenate([getattr(draft, name), getattr(rival, name)[extra]]))
    draft.slate = replace(page, score=score, team=team)
