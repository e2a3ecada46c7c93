"""One log, cut by a protocol into what is trained on, what chooses the model and what it is measured on."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.sequences.candidates import Candidates
from models.evaluation.sequences.errors import EvaluationError
from models.evaluation.sequences.log import SequenceLog
from models.evaluation.sequences.queries import Queries
from models.evaluation.sequences.readers import TEST, TRAIN, VALIDATION

#: Users whose validation targets choose the model; a larger log is sampled.
MAX_VALIDATION_USERS = 10_000


@dataclass(frozen=True)
class Counts:
    """What a split holds.

    Attributes:
      users, items, interactions: of the whole log.
      train_interactions, train_items: of the training log; only its items are ranked.
      validation_users: users with a validation target that is looked at.
      test_users, test_targets: users and items of the test.
      users_without_test: users of the log that have no test target: too few interactions, or none in the test.
      users_without_history: test users who did nothing before; what they want counts as missed.
      targets_not_in_training: test targets that the training log does not have; they count as missed.
      targets_seen_before: test targets that the user had interacted with before. They count as missed where seen items
        are removed.
    """

    users: int
    items: int
    interactions: int
    train_interactions: int
    train_items: int
    validation_users: int
    test_users: int
    test_targets: int
    users_without_test: int
    users_without_history: int
    targets_not_in_training: int
    targets_seen_before: int

    def as_dict(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


@dataclass(frozen=True)
class Split:
    """A log after a protocol.

    Attributes:
      train: the training log.
      validation: its queries; None when no user has a validation target.
      test: its queries.
      validation_candidates, test_candidates: what wanted items are ranked against.
      k: length of the list that is measured.
      share: name of the share of wanted items found: `hr` with one per user, else `recall`.
      counts: what it holds.
    """

    train: SequenceLog
    validation: Queries | None
    test: Queries
    validation_candidates: Candidates
    test_candidates: Candidates
    k: int
    share: str
    counts: Counts


@dataclass(frozen=True)
class Cut:
    """Where the parts of a log are, before they become queries.

    Attributes:
      parts: [n] TRAIN, VALIDATION or TEST of each interaction; a user's parts never decrease.
      is_target: [n] True for a validation or test interaction that is to be found.
      adds_validation: at test time the history includes the validation part.
      removes_validation: at test time the validation part counts as seen.
    """

    parts: NDArray[np.int64]
    is_target: NDArray[np.bool_]
    adds_validation: bool
    removes_validation: bool


def parts_of(log: SequenceLog, cut: Cut, seed: int) -> tuple[SequenceLog, Queries | None, Queries, Counts]:
    """The training log, the validation queries, the test queries and the counts of a log that was cut.

    Raises:
      EvaluationError: there is nothing to train on or nothing to test.
    """
    train, code = log.only(cut.parts == TRAIN)
    if not len(train):
        raise EvaluationError("nothing is left to train on: no user has interactions before the validation targets")
    known = code[log.items] >= 0
    # Place of an interaction among those whose item the training log has.
    place = np.concatenate([[0], np.cumsum(known)])
    items = code[log.items[known]]
    is_part = [cut.parts == part for part in (TRAIN, VALIDATION, TEST)]
    sizes = [np.bincount(log.users[part], minlength=log.num_users) for part in is_part]
    begin = np.searchsorted(log.users, np.arange(log.num_users))
    ends = [place[begin + sizes[0]], place[begin + sizes[0] + sizes[1]]]
    at_test = (ends[int(cut.adds_validation)], ends[int(cut.removes_validation)])

    def queries(is_wanted: NDArray[np.bool_], end: NDArray[np.int64], seen_end: NDArray[np.int64]) -> Queries:
        # A user wants an item once, however often it is there.
        users, wanted = np.divmod(np.unique(log.users[is_wanted] * log.num_items + log.items[is_wanted]), log.num_items)
        asked, rows = np.unique(users, return_inverse=True)
        return Queries(asked, items, place[begin[asked]], end[asked], seen_end[asked], rows, code[wanted])

    validation = queries(is_part[1] & cut.is_target, ends[0], ends[0])
    test = queries(is_part[2] & cut.is_target, *at_test)
    if not len(test):
        raise EvaluationError(
            "no user has a test target: a user needs at least three interactions, or one after the cut in time"
        )
    if len(validation) > MAX_VALIDATION_USERS:
        drawn = np.random.default_rng(seed).choice(len(validation), MAX_VALIDATION_USERS, replace=False)
        validation = validation.take(np.sort(drawn))
    counts = Counts(
        users=log.num_users,
        items=log.num_items,
        interactions=len(log),
        train_interactions=len(train),
        train_items=train.num_items,
        validation_users=len(validation),
        test_users=len(test),
        test_targets=len(test.wanted),
        users_without_test=log.num_users - len(test),
        users_without_history=int((test.begin == test.end).sum()),
        targets_not_in_training=int((test.wanted < 0).sum()),
        targets_seen_before=_num_seen(test, train.num_items),
    )
    return train, validation if len(validation) else None, test, counts


def _num_seen(queries: Queries, num_items: int) -> int:
    """Wanted items that are among what the protocol says the user has seen."""
    row, item = queries.seen()
    is_known = queries.wanted >= 0
    wanted = queries.rows[is_known] * num_items + queries.wanted[is_known]
    return int(np.isin(wanted, row * num_items + item).sum())
