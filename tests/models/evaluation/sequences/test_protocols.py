"""Protocols: what is trained on, what the history is, what is wanted and what it is ranked against."""

from pathlib import Path

import numpy as np
import pytest

from models.evaluation.sequences import EvaluationError, protocols
from models.evaluation.sequences.candidates import AllUnseen
from models.evaluation.sequences.queries import Queries
from models.evaluation.sequences.readers import ncf, pairs, sequences
from models.evaluation.sequences.split import Split


def log_of(folder: Path, text: str):
    (folder / "log.txt").write_text(text.replace("; ", "\n"))
    return sequences(folder / "log.txt")


def told(split: Split, queries: Queries) -> list[tuple[str, str, str, str]]:
    """(user, history, seen, wanted) of each query, items as one string of letters; ? is not in training."""
    names = np.append(split.train.item_ids, "?")
    rows = []
    row, seen = queries.seen()
    for i, history in enumerate(queries.histories().items):
        rows.append(
            (
                split.train.user_ids[queries.users[i]],
                "".join(names[history[history >= 0]]),
                "".join(names[seen[row == i]]),
                "".join(sorted(names[queries.wanted[queries.rows == i]])),
            )
        )
    return rows


@pytest.mark.parametrize("text", ["u a", "u a; u b; v a; w b"])
def test_a_log_whose_users_have_too_few_items_cannot_be_tested(tmp_path: Path, text: str) -> None:
    with pytest.raises(EvaluationError, match="no user has a test target: a user needs at least three"):
        protocols.leave_one_out(log_of(tmp_path, text), 1)


def test_leave_one_out_takes_the_last_two_items(tmp_path: Path) -> None:
    split = protocols.leave_one_out(log_of(tmp_path, "u a; u b; u c; u d; v d; w c; w d; x b; x c; x a"), 1)
    assert split.validation is not None
    assert told(split, split.validation) == [("u", "ab", "ab", "c"), ("x", "b", "b", "c")]
    # At test time the history has the validation item, and it counts as seen.
    assert told(split, split.test) == [("u", "abc", "abc", "d"), ("x", "bc", "bc", "a")]
    # Users with one or two items are trained on and never tested.
    assert list(split.train.item_ids[split.train.items]) == ["a", "b", "d", "c", "d", "b"]
    assert (split.counts.users, split.counts.test_users, split.counts.users_without_test) == (4, 2, 2)
    assert (split.k, split.share) == (10, "hr")


def test_what_is_not_in_training_is_in_no_history_and_is_wanted_in_vain(tmp_path: Path) -> None:
    split = protocols.leave_one_out(log_of(tmp_path, "u a; u b; u new; u newer; v a; v new; v b"), 1)
    assert split.validation is not None
    assert told(split, split.validation) == [("u", "ab", "ab", "?"), ("v", "a", "a", "?")]
    assert told(split, split.test) == [("u", "ab", "ab", "?"), ("v", "a", "a", "b")]
    assert list(split.train.item_ids) == ["a", "b"]
    assert (split.counts.items, split.counts.train_items, split.counts.targets_not_in_training) == (4, 2, 1)


def test_an_item_that_comes_again_is_reported(tmp_path: Path) -> None:
    split = protocols.leave_one_out(log_of(tmp_path, "u a; u b; u c; u a; v c; v c; v b; v a"), 1)
    assert split.counts.targets_seen_before == 1


def test_sampled_draws_against_what_is_not_in_the_training_items(tmp_path: Path) -> None:
    split = protocols.sampled(log_of(tmp_path, "u a; u b; u c; u d; v c; v d; v a; v b"), 1)
    # The validation item is history and yet may be drawn.
    assert told(split, split.test) == [("u", "abc", "ab", "d"), ("v", "cda", "cd", "b")]


def test_time_split_without_times_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="time-split needs a third column with the time in seconds"):
        protocols.time_split(log_of(tmp_path, "u a; u b; u c"), 1)


def test_time_split_cuts_everyone_at_the_same_instants(tmp_path: Path) -> None:
    # Ten interactions: the ninth in time begins the validation, the tenth the test.
    early = "; ".join(f"u {item} {time}" for time, item in enumerate("abcdefg"))
    split = protocols.time_split(log_of(tmp_path, f"{early}; v a 3.5; u b 90; v c 100"), 1)
    assert split.validation is not None
    assert told(split, split.validation) == [("u", "abcdefg", "abcdefg", "b")]
    assert told(split, split.test) == [("v", "a", "a", "c")]
    assert split.train.times is not None
    assert split.train.times.max() < 90_000_000


def test_time_split_wants_the_first_item_after_the_cut(tmp_path: Path) -> None:
    lines = [f"t{n} {'ab'[n % 2]} {n}" for n in range(16)] + ["u a 16", "u b 17", "u b 18", "u a 19"]
    split = protocols.time_split(log_of(tmp_path, "; ".join(lines)), 1)
    assert split.validation is not None
    assert told(split, split.validation) == [("u", "", "", "a")]
    assert told(split, split.test) == [("u", "ab", "ab", "b")]
    assert split.counts.users_without_history == 0


def test_time_split_of_one_instant_has_nothing_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="nothing is left to train on"):
        protocols.time_split(log_of(tmp_path, "u a 5; u b 5; u c 5"), 1)


def test_split_wants_several_items_and_only_training_is_history(tmp_path: Path) -> None:
    for name, text in (
        ("train", "u\ta\nu\tb\nv\tc\nw\td\n"),
        ("valid", "u\tc\n"),
        ("test", "u\td\nu\tc\nu\td\nv\tnew\nx\ta\n"),
    ):
        (tmp_path / name).write_text(text)
    split = protocols.split(*pairs(tmp_path / "train", tmp_path / "valid", tmp_path / "test"), 1)
    assert split.validation is not None
    assert told(split, split.validation) == [("u", "ab", "ab", "c")]
    # An item is wanted once; x is not in training and has no history.
    assert told(split, split.test) == [("u", "ab", "ab", "cd"), ("v", "c", "c", "?"), ("x", "", "", "a")]
    counts = split.counts
    assert (counts.test_targets, counts.users_without_history, counts.targets_not_in_training) == (4, 1, 1)
    assert (split.k, split.share, split.test_candidates) == (20, "recall", AllUnseen(20))


def test_given_negatives_are_codes_of_the_training_log(tmp_path: Path) -> None:
    (tmp_path / "train").write_text(
        "0\te\t5\t4\n0\ta\t5\t1\n0\tb\t5\t2\n0\tc\t5\t3\n1\tc\t5\t1\n2\td\t5\t1\n2\ta\t5\t2\n"
    )
    (tmp_path / "test").write_text("0\td\t5\t9\n1\ta\t5\t9\n")
    (tmp_path / "negative").write_text("(0,d)\tc\ta\tnew\n(1,a)\ta\tb\n")
    split = protocols.given(ncf(tmp_path / "train", tmp_path / "test", tmp_path / "negative"), 1)
    assert split.validation is not None
    # The last training item of a user with two or more is the validation.
    assert told(split, split.validation) == [("0", "abc", "abc", "?"), ("2", "d", "d", "a")]
    assert told(split, split.test) == [("0", "abc", "abc", "d"), ("1", "c", "c", "a")]
    names = np.append(split.train.item_ids, "?")
    assert names[split.test_candidates.negatives].tolist() == [["c", "a", "?"], ["a", "b", "?"]]
