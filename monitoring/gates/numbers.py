"""G5: the numbers are numbers, not all the same, and there are some for a viewer whom nobody knows yet."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.look import Look
from monitoring.newcomer import newcomers

#: Exposures that are asked again as if a newcomer had been there.
_NEWCOMERS = 1000
#: A vector this short points nowhere.
_NO_LENGTH = 1e-6


def numbers(look: Look) -> list[Check]:
    """`finite_scores` of the exposures, `new_viewer_scores` as if newcomers had been there, `dead_vectors`,
    `identical_vectors`, and `score_spread` against live's."""
    from models.ranking.closed_windows import predictions

    rows = look.rows
    if not len(rows):
        return [waiting("finite_scores", f"no exposures in windows {look.span[0]}..{look.span[1]}")]
    assert look.candidate.bundle is not None
    heads = look.candidate.heads(rows)
    vectors = np.asarray(look.candidate.bundle.vectors)
    broken = _broken(heads) + int((~np.isfinite(vectors)).any(axis=1).sum())
    some = rows.inputs.take(slice(0, _NEWCOMERS))
    num = min(len(rows), _NEWCOMERS)
    unknown = _broken(predictions(look.candidate.bundle, newcomers(some), num))
    checks = [
        _none("finite_scores", broken, len(rows), "predictions and vectors that are not finite numbers"),
        _none("new_viewer_scores", unknown, num, "predictions for newcomers that are not finite numbers"),
    ]
    if not broken:
        checks += [*vector_checks(vectors, look.settings.rollout.max_identical_share), _spread(look)]
    return checks


def vector_checks(vectors: NDArray[np.float32], max_identical_share: float) -> list[Check]:
    """`dead_vectors`: videos whose vector [v, d] has no length. `identical_vectors`: share of the videos that have the
    most common vector; a few are alike because nothing tells them apart, many are when the tower has collapsed."""
    num = len(vectors)
    if not num:
        return [waiting(name, "the bundle holds no vector") for name in ("dead_vectors", "identical_vectors")]
    dead = int((np.linalg.norm(vectors, axis=1) < _NO_LENGTH).sum())
    whole = np.ascontiguousarray(vectors)
    keys = pa.FixedSizeBinaryArray.from_buffers(pa.binary(whole.nbytes // num), num, [None, pa.py_buffer(whole)])
    most = int(pc.max(keys.value_counts().field("counts")).as_py())
    share = most / num
    # Two videos alike are no collapse, however few there are.
    is_fine = most <= 2 or share <= max_identical_share
    return [
        _none("dead_vectors", dead, num, "videos whose vector has no length"),
        Check(
            "identical_vectors",
            Verdict.PASS if is_fine else Verdict.FAIL,
            value=share,
            bound=max_identical_share,
            num_samples=num,
            detail=f"share of the videos with the most common vector, {most} of {num}",
        ),
    ]


def _broken(heads: Any) -> int:
    return sum(int((~np.isfinite(head)).sum()) for head in heads.values())


def _none(name: str, count: int, num: int, what: str) -> Check:
    verdict = Verdict.FAIL if count else Verdict.PASS
    return Check(name, verdict, value=float(count), bound=0.0, num_samples=num, detail=what)


def _spread(look: Look) -> Check:
    score = look.candidate.score(look.rows)
    spread = float(np.std(score))
    against = float(np.std(look.rival.score(look.rows))) if look.rival and look.rival.bundle is not None else 0.0
    bound = look.settings.rollout.min_spread * against
    # A constant is a constant up to the rounding of 32-bit sums.
    is_constant = spread <= 1e-6 * max(1e-6, float(np.abs(score).max()))
    return Check(
        "score_spread",
        Verdict.FAIL if is_constant or spread < bound else Verdict.PASS,
        value=spread,
        bound=bound,
        num_samples=len(look.rows),
        detail="standard deviation of the scores, against a share of live's",
    )
