"""G2: no feature knows more than had happened, and no exposure that a release is judged by was trained on."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from homefeed.lake import LakeError
from homefeed.verdict import Check, Verdict
from monitoring import evidence
from monitoring.decision import waiting
from monitoring.look import Look


def time_integrity(look: Look) -> list[Check]:
    """`feature_time`: no feature counts an event of its exposure's own window or a later one. `held_out`: no exposure
    of the look is in what the release was trained on."""
    return [_feature_time(look), _held_out(look)]


def _feature_time(look: Look) -> Check:
    rows, most = look.rows, look.settings.rollout.replayed_exposures
    if not len(rows):
        return waiting("feature_time", f"no exposures in windows {look.span[0]}..{look.span[1]}")
    # Half of them watched: it is their label windows that a leak brings in.
    random = np.random.default_rng(look.settings.seed)
    parts = [random.permutation(np.flatnonzero(kind))[: most // 2] for kind in (rows.watched, ~rows.watched)]
    index = np.sort(np.concatenate(parts))
    before = evidence.replayed(look.settings, rows, index)
    return leak_check({name: rows.feature(name)[index] for name in before}, before)


def leak_check(features: Mapping[str, NDArray[np.float32]], before: Mapping[str, NDArray[np.float64]]) -> Check:
    """`feature_time`: exposures of which some feature counts more than had happened.

    Less is no leak: events that came late are in `before` first.

    Args:
      features: name -> [n] as training reads them.
      before: name -> [n] counted from the events before each exposure.
    """
    leaks = {name: np.asarray(features[name]) > column + 0.5 for name, column in before.items()}
    num = len(next(iter(before.values())))
    count = int(np.any([*leaks.values()], axis=0).sum())
    named = ", ".join(f"{name} ({int(leak.sum())})" for name, leak in leaks.items() if leak.any())
    return Check(
        "feature_time",
        Verdict.FAIL if count else Verdict.PASS,
        value=float(count),
        bound=0.0,
        num_samples=num,
        detail="exposures whose features count events that had not happened" + (f": {named}" if named else ""),
    )


def _held_out(look: Look) -> Check:
    assert look.candidate.bundle is not None
    manifest, (first, last) = look.candidate.bundle.manifest, look.span
    try:
        count = evidence.num_trained_on(look.settings, manifest, first, last)
    except LakeError as error:
        return waiting("held_out", f"what the release was trained on cannot be read: {error}")
    if count is None:
        return waiting("held_out", "the manifest does not say which version of the exposures was trained on")
    trained = f"{manifest.windows[0]}..{manifest.windows[1]}"
    return Check(
        "held_out",
        Verdict.FAIL if count else Verdict.PASS,
        value=float(count),
        bound=0.0,
        num_samples=len(look.rows),
        detail=f"exposures of windows {first}..{last} that were trained on ({trained})",
    )
