"""What a page by a new ranker would be worth, from the pages that another one filled with logged propensities.

What it supports: the page of the logging ranker is certain but for its exploration slots. So the log can speak for a
new ranker only where, slot by slot, it goes on as the old one did or takes a video that exploration could have shown.
A new order of the same best videos has no support from the first slot that differs, and is refused; a log with more
exploration, or fewer slots, is what helps. The weight of a slot is the product over it and the slots above, as the
propensities are given those; it grows with every slot, so the first few slots are what a log can answer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefeed.settings.evaluation import EvaluationSettings
from homefeed.verdict import Check, Verdict
from models.evaluation.policy.errors import PolicyError, UnsupportedError
from models.evaluation.policy.likelihood import Estimate, ratio
from models.evaluation.policy.rounds import Floats, check_probabilities
from models.evaluation.policy.support import effective_size


@dataclass(frozen=True)
class Slots:
    """Logged slots as columns; one row is one slot of one page, in any order. A page has all slots from 0 on.

    Attributes:
      pages: [n] key of the request.
      slots: [n] position on the page, 0 first.
      viewers: [n] key of the viewer, whose pages stand and fall together.
      rewards: [n] what came of the slot, such as 1 when it was watched; 0 for a slot that was never on screen.
      propensities: [n] logged: probability of the video in the slot, given the slots above.
      targets: [n] the same by the new ranker, given the same slots above (`SlotPolicy.propensities`).
      unsupported: [n] probability, given the slots above, that the new ranker shows there what the logging one could
        not (`SlotPolicy.unsupported`).
    """

    pages: NDArray[np.int64]
    slots: NDArray[np.int64]
    viewers: NDArray[np.int64]
    rewards: Floats
    propensities: Floats
    targets: Floats
    unsupported: Floats


@dataclass(frozen=True)
class PageValue:
    """Reward per page.

    Attributes:
      logged: of the pages as they were.
      estimates: of the new ranker's pages: `ips` and `snips`.
      difference: `snips` minus `logged`, on the same pages.
      effective_pages: pages of the new ranker itself that would say as much; the least over the slots.
      largest_weight: of a slot.
      unsupported: probability that a page of the new ranker leaves what the log supports.
      num_pages: pages of the log.
    """

    logged: Estimate
    estimates: dict[str, Estimate]
    difference: Estimate
    effective_pages: float
    largest_weight: float
    unsupported: float
    num_pages: int

    def check(self, settings: EvaluationSettings) -> Check:
        """PASS when the interval excludes a loss of more than `max_page_loss`, FAIL when it lies below that, else
        WAIT; WAIT too with fewer than `min_effective_pages`."""
        bound = -settings.max_page_loss * self.logged.value
        change, verdict = self.difference, Verdict.WAIT
        detail = "the log cannot yet tell the new ranker's page value from the old one's"
        if self.effective_pages < settings.min_effective_pages:
            detail = f"the log counts as {self.effective_pages:.0f} pages; {settings.min_effective_pages} are needed"
        elif change.low >= bound:
            verdict, detail = Verdict.PASS, "the new ranker's page is worth as much as the old one's, or more"
        elif change.high < bound:
            verdict, detail = Verdict.FAIL, "the new ranker's page is worth less than the old one's"
        interval = None if np.isnan(change.low) else (change.low, change.high)
        return Check("page_value", verdict, change.value, bound, interval, self.num_pages, detail)


def page_value(slots: Slots, settings: EvaluationSettings) -> PageValue:
    """Estimate the new ranker's reward per page.

    Raises:
      UnsupportedError: the new ranker leaves the log's support on more than `max_unsupported` of its pages; the message
        says how many slots from the top the log can answer.
      PolicyError: no rows, a page without one of its slots, or a number that is no probability.

    Source: McInerney et al. 2020, "Counterfactual evaluation of slate recommendations with sequential reward
    interactions" (RIPS, here as `ips`; nRIPS, here as `snips`).
    """
    slot, weight, above, order, starts = _weighted(slots)
    rewards = np.asarray(slots.rewards, np.float64)[order]
    viewers = slots.viewers[order][starts]
    held = np.bincount(slot)
    _refuse_unsupported(slot, above, slots.unsupported[order], held, settings.max_unsupported)
    total = np.bincount(slot, weight)
    # A slot that no weight reaches lies behind support that was missing, within the bound: worth nothing.
    per_weight = np.divide(held, total, out=np.zeros(len(total)), where=total > 0)
    slot_value = np.bincount(slot, weight * rewards) * per_weight / held
    # By page: the slots' values, and what the page adds to them. Their mean is the estimate, their spread its own.
    summands = np.add.reduceat(slot_value[slot] + weight * per_weight[slot] * (rewards - slot_value[slot]), starts)
    plain, logged = np.add.reduceat(weight * rewards, starts), np.add.reduceat(rewards, starts)
    ones = np.ones(len(starts))
    sizes = [effective_size(weight[slot == place]) for place in range(len(held))]
    return PageValue(
        ratio(logged, ones, viewers),
        {"ips": ratio(plain, ones, viewers), "snips": ratio(summands, ones, viewers)},
        ratio(summands - logged, ones, viewers),
        min(sizes),
        float(weight.max()),
        float(_leaving(slot, above, slots.unsupported[order], held)[-1]),
        len(starts),
    )


def _weighted(
    slots: Slots,
) -> tuple[NDArray[np.int64], Floats, Floats, NDArray[np.int64], NDArray[np.int64]]:
    """In order of page and slot: the slot, its weight, that of the slots above it; the order; where pages start."""
    if not len(slots.pages):
        raise PolicyError("no slots: there is nothing to estimate from")
    check_probabilities(slots.propensities, lambda row: f"propensities, row {row}", above_zero=True)
    check_probabilities(slots.targets, lambda row: f"targets, row {row}", above_zero=False)
    check_probabilities(slots.unsupported, lambda row: f"unsupported, row {row}", above_zero=False)
    order = np.lexsort((slots.slots, slots.pages)).astype(np.int64)
    page, slot = slots.pages[order], slots.slots[order]
    begins = np.append(True, page[1:] != page[:-1])
    starts = np.flatnonzero(begins).astype(np.int64)
    lengths = np.diff(starts, append=len(page))
    wrong = slot != np.arange(len(page)) - np.repeat(starts, lengths)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise PolicyError(
            f"page {page[row]} has slot {slot[row]} out of place: a page needs each slot from 0 on once, also those "
            "that were never on screen"
        )
    # One row per page, padded with 1, keeps the products apart.
    matrix = np.ones((len(starts), int(lengths.max()) + 1))
    rows = np.repeat(np.arange(len(starts)), lengths)
    matrix[rows, slot + 1] = slots.targets[order] / slots.propensities[order]
    products = np.cumprod(matrix, axis=1).astype(np.float64)
    return slot, products[rows, slot + 1], products[rows, slot], order, starts


def _leaving(slot: NDArray[np.int64], above: Floats, unsupported: Floats, held: NDArray[np.int64]) -> Floats:
    """[slots] probability that the new ranker's page has left the support by each slot."""
    reached = np.bincount(slot, above)
    left = np.bincount(slot, above * unsupported)
    # The share of pages that have the slot, times the share of the weight that reaches it.
    share = np.divide(left, reached, out=np.zeros(len(left)), where=reached > 0)
    kept = np.cumprod(1 - share * held / held[0])
    return np.asarray(1 - kept)


def _refuse_unsupported(
    slot: NDArray[np.int64], above: Floats, unsupported: Floats, held: NDArray[np.int64], most: float
) -> None:
    leaving = _leaving(slot, above, unsupported, held)
    if leaving[-1] > most:
        first = int(np.argmax(leaving > most))
        raise UnsupportedError(
            f"{leaving[-1]:.1%} of the new ranker's pages hold a video that the logging ranker could not have shown in "
            f"its slot; at most {most:.1%} is accepted. The log answers the first {first} of {len(held)} slots: give "
            "those only, or explore more slots"
        )
