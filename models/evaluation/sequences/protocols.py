"""The published protocols: where each cuts a log, and what a wanted item is ranked against.

A user with fewer than three interactions is trained on and never tested, as there must be something to learn from, to
choose the model by and to test. docs/evaluate.md has a sentence for each protocol.
"""

import numpy as np
from numpy.typing import NDArray

from models.evaluation.sequences.candidates import AllUnseen, Given, Sampled
from models.evaluation.sequences.errors import EvaluationError
from models.evaluation.sequences.log import SequenceLog
from models.evaluation.sequences.readers import TEST, TRAIN, VALIDATION, Listed
from models.evaluation.sequences.split import Cut, Split, parts_of

NUM_SAMPLED = 100
#: Share of all interactions, the newest, that a cut in time tests; as many before them choose the model.
TIME_SHARE = 0.1
_LEAST = 3


def leave_one_out(log: SequenceLog, seed: int) -> Split:
    """The last item of each user is the test, the one before the validation; all unseen items are ranked."""
    train, validation, test, counts = parts_of(log, _last_two(log, removes_validation=True), seed)
    return Split(train, validation, test, AllUnseen(10), AllUnseen(10), 10, "hr", counts)


def sampled(log: SequenceLog, seed: int) -> Split:
    """As leave-one-out, each wanted item against `NUM_SAMPLED` items that are not among the user's training items."""
    train, validation, test, counts = parts_of(log, _last_two(log, removes_validation=False), seed)
    draws = [Sampled(NUM_SAMPLED, seed + offset) for offset in (0, 1)]
    return Split(train, validation, test, draws[0], draws[1], 10, "hr", counts)


def time_split(log: SequenceLog, seed: int) -> Split:
    """Two instants cut the log for everyone: a user's first item after the second is the test, after the first the
    validation; all items that were not seen are ranked.

    Raises:
      EvaluationError: the log has no times.
    """
    if log.times is None:
        raise EvaluationError(
            "time-split needs a third column with the time in seconds since 1970: these lines have only `user item`"
        )
    ordered, num = np.sort(log.times), len(log)
    cuts = [ordered[min(num - 1, int(num * (1 - share * TIME_SHARE)))] for share in (2, 1)]
    parts = np.searchsorted(np.array(cuts), log.times, side="right")
    train, validation, test, counts = parts_of(log, Cut(parts, _is_first(log, parts), True, True), seed)
    return Split(train, validation, test, AllUnseen(10), AllUnseen(10), 10, "hr", counts)


def split(log: SequenceLog, parts: NDArray[np.int64], seed: int) -> Split:
    """The parts that the data came in: all items but the user's training items are ranked, several are wanted."""
    cut = Cut(parts, np.ones(len(log), bool), adds_validation=False, removes_validation=False)
    train, validation, test, counts = parts_of(log, cut, seed)
    return Split(train, validation, test, AllUnseen(20), AllUnseen(20), 20, "recall", counts)


def given(listed: Listed, seed: int) -> Split:
    """The test that came with its negatives; each user's last training item is the validation, against sampled ones."""
    log, is_test = listed.log, listed.parts == TEST
    sizes = np.bincount(log.users[~is_test], minlength=log.num_users)
    begin = np.searchsorted(log.users, np.arange(log.num_users))
    parts = np.where(is_test, TEST, TRAIN)
    parts[(begin + sizes - 1)[sizes >= _LEAST - 1]] = VALIDATION
    # One list of negatives is for one wanted item.
    is_first = _is_first(log, parts)
    repeated = is_test & ~is_first
    if repeated.any():
        user = log.user_ids[log.users[int(np.argmax(repeated))]]
        raise EvaluationError(f"user {user} has several test interactions; this format has one for each user")
    train, validation, test, counts = parts_of(log, Cut(parts, is_first, True, False), seed)
    _, code = log.only(parts == TRAIN)
    negatives = np.where(listed.negatives >= 0, code[listed.negatives], -1)
    return Split(train, validation, test, Sampled(NUM_SAMPLED, seed), Given(negatives), 10, "hr", counts)


def _is_first(log: SequenceLog, parts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[n] True for the first interaction that a user has in a part."""
    is_first = np.ones(len(log), bool)
    is_first[1:] = (log.users[1:] != log.users[:-1]) | (parts[1:] != parts[:-1])
    return is_first


def _last_two(log: SequenceLog, *, removes_validation: bool) -> Cut:
    sizes = np.bincount(log.users, minlength=log.num_users)
    end = np.cumsum(sizes)[sizes >= _LEAST]
    parts = np.full(len(log), TRAIN)
    parts[end - 1], parts[end - 2] = TEST, VALIDATION
    return Cut(parts, np.ones(len(log), bool), True, removes_validation)
