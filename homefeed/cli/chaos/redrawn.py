"""One window again with other viewers: its exposures drawn by viewer, and what a release says of them whose calibrators
were fitted to other viewers as well."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from monitoring.evidence import Rows
    from monitoring.retrieved import Wanted

Ints = NDArray[np.int64]
Heads = Mapping[str, NDArray[np.float32]]


class Redrawn:
    """A release on other rows than it was asked for; asking it again would take seconds.

    Args:
      side: the release, `monitoring.evidence.Side`.
      heads: target -> [n], what it says of these rows.
    """

    def __init__(self, side: Any, heads: Heads) -> None:
        self._side, self._heads = side, heads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._side, name)

    def heads(self, _: "Rows") -> Heads:
        """Target -> [n]."""
        return self._heads

    def score(self, _: "Rows") -> NDArray[np.float32]:
        """[n] the score that each exposure would be ranked by."""
        score: NDArray[np.float32] = self._side.bundle.value(self._heads)
        return score


def refitted(side: Any, rows: "Rows", random: np.random.Generator) -> dict[str, float]:
    """Target -> factor by which a head promises of other viewers, drawn from those of `rows`, what they did.

    There are as many of them as bring the positives that the head's calibrator was fitted to. The viewers of `rows` are
    taken for everyone there is: where that number is not known, the head is right for all of them.

    Without a factor every draw would count how far the release happens to be off on `rows`; with one for all draws
    calibrators would know what none can.
    """
    heads, num = side.heads(rows), rows.num_viewers
    happened = {target: observed for target, observed in _happened(rows).items() if observed.any()}
    sizes = {t: max(1, round(num * side.fitted_to(t) / observed.sum())) for t, observed in happened.items()}
    # All heads of one training are fitted to the same viewers.
    picked = random.integers(0, num, max(sizes.values(), default=0))
    _, code = np.unique(rows.users, return_inverse=True)
    factors = {}
    for target, observed in happened.items():
        times = np.bincount(picked[: sizes[target]], minlength=num) if side.fitted_to(target) else np.ones(num)
        did, promised = (float(times[code] @ (column * rows.weight)) for column in (observed, heads[target]))
        factors[target] = did / promised
    return factors


def _happened(rows: "Rows") -> Mapping[str, NDArray[np.bool_]]:
    return {"watched": rows.watched, **rows.reactions}


def drawn_rows(rows: "Rows", index: Ints, own: Ints) -> "Rows":
    """The exposures at `index` [m] of the viewers `own` [m]; one who was drawn twice is two viewers."""
    _, page = np.unique(np.stack([own, rows.requests[index]]), axis=1, return_inverse=True)
    # The pages of one who was drawn twice are two pages each.
    return replace(rows.take(index), users=own, requests=np.where(rows.requests[index] != 0, 1 + page.reshape(-1), 0))


def drawn_wanted(wanted: "Wanted", random: np.random.Generator) -> "Wanted":
    """The watches of as many viewers, drawn with replacement."""
    index, own = drawn_viewers(wanted.users, random)
    return replace(wanted.take(index), users=own)


def drawn_viewers(viewers: Ints, random: np.random.Generator) -> tuple[Ints, Ints]:
    """As many viewers drawn with replacement: rows of theirs [m], and whose each is, [m] from 0."""
    users, code = np.unique(viewers, return_inverse=True)
    order = np.argsort(code, kind="stable")
    counts = np.bincount(code)
    begin = np.cumsum(counts) - counts
    picked = random.integers(0, len(users), len(users))
    lengths = counts[picked]
    offset = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return order[np.repeat(begin[picked], lengths) + offset], np.repeat(np.arange(len(users)), lengths)
