"""When an index that was changed is built anew."""

from dataclasses import dataclass

from homefeed.settings.index import IndexSettings
from models.index.plan import Kind


@dataclass(frozen=True)
class Health:
    """ScaNN's statistics of a tree; zeros without one.

    Attributes:
      error: mean quantisation error of the vectors by their leaf's centre.
      imbalance: mean of how much the leaves' sizes differ from each other, weighted by size.
    """

    error: float = 0.0
    imbalance: float = 0.0


@dataclass(frozen=True)
class Age:
    """An index now, beside what it was when it was built.

    Attributes:
      built: its kind.
      wanted: the kind that its size asks for now.
      before, now: its health.
      inserted_share: share of its videos that were inserted since.
    """

    built: Kind
    wanted: Kind
    before: Health
    now: Health
    inserted_share: float


def why_rebuild(age: Age, settings: IndexSettings) -> str | None:
    """The reason to build anew, as one phrase; None while the index is good.

    Leaves and codebook are those of the vectors at the build. Uploads that differ from them raise the mean quantisation
    error, uploads that are alike fill a few leaves: then a query that looks into a fixed number of leaves finds less,
    or takes longer. ScaNN's statistics know only trees; without one the share of inserted videos decides.
    """
    if age.built is Kind.EXACT:
        return f"the catalogue asks for a {age.wanted.value} index now" if age.wanted is not Kind.EXACT else None
    if age.inserted_share > settings.max_inserted_share:
        return f"{age.inserted_share:.0%} of its videos were inserted since it was built"
    if age.built is Kind.TREE and age.now.error > settings.max_error_growth * age.before.error:
        return f"its mean quantisation error grew from {age.before.error:.3g} to {age.now.error:.3g}"
    if age.built is Kind.TREE and age.now.imbalance > age.before.imbalance + settings.max_imbalance_growth:
        return f"the imbalance of its leaves grew from {age.before.imbalance:.3g} to {age.now.imbalance:.3g}"
    return None
