"""The parameters of an index, chosen by the size of its catalogue."""

import enum
import math
from dataclasses import dataclass

from homefeed.settings.index import IndexSettings


class Kind(enum.StrEnum):
    """How vectors are searched."""

    EXACT = "exact"
    QUANTISED = "quantised"
    TREE = "tree"


@dataclass(frozen=True)
class Plan:
    """What ScaNN is built with.

    Attributes:
      kind: which of its stages are used.
      leaves: of the k-means tree; 0 without one.
      searched_leaves: leaves that a query looks into, for lists of up to `RECALL_AT`.
      sample: vectors that the tree and the codebook are trained on.
      reordered: candidates scored again exactly, as a multiple of the list.
    """

    kind: Kind
    leaves: int
    searched_leaves: int
    sample: int
    reordered: float


#: Vectors per leaf that k-means learns its centre from, and the least and the most that are sampled.
_SAMPLE_PER_LEAF, _SAMPLE_RANGE = 100, (100_000, 500_000)


def plan_for(num: int, settings: IndexSettings) -> Plan:
    """The plan of `num` vectors.

    Exact search when quantising saves nothing, quantised scores above that, and above `tree_above` a tree of sqrt(v)
    leaves of sqrt(v) vectors, so that finding the leaves costs as much as one leaf. A query looks into the same number
    of leaves at every size: the list is as long however large the catalogue, and a smaller share of it holds the list.

    Sources: ScaNN docs/algorithms.md, "Rules of thumb" (kinds by size, sqrt(v) leaves, two dimensions per block); Guo
    et al. 2020, "Accelerating large-scale inference with anisotropic vector quantization" (threshold). The number of
    leaves looked into and the multiple that is reordered are measured: `homefeed bench index`.
    """
    if num < settings.exact_below:
        return Plan(Kind.EXACT, 0, 0, 0, settings.reordered)
    if num <= settings.tree_above:
        return Plan(Kind.QUANTISED, 0, 0, min(num, _SAMPLE_RANGE[1]), settings.reordered)
    leaves = math.isqrt(num)
    sample = min(num, max(_SAMPLE_RANGE[0], min(_SAMPLE_PER_LEAF * leaves, _SAMPLE_RANGE[1])))
    return Plan(Kind.TREE, leaves, min(leaves, settings.searched_leaves), sample, settings.reordered)
