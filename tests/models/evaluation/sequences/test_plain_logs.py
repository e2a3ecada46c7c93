"""Readers of plain logs: what a line says is kept in order, and a bad file is named with its line."""

from pathlib import Path

import numpy as np
import pytest

from models.evaluation.sequences import EvaluationError
from models.evaluation.sequences.readers import TEST, TRAIN, VALIDATION, ncf, pairs, sequences


def written(folder: Path, name: str, data: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return file


@pytest.mark.parametrize("data", ["", "\n", " \n\t\r\n"])
def test_an_empty_file_is_named(tmp_path: Path, data: str) -> None:
    with pytest.raises(EvaluationError, match=r"log\.txt is empty: it has no line"):
        sequences(written(tmp_path, "log.txt", data))


def test_one_line_is_a_log(tmp_path: Path) -> None:
    log = sequences(written(tmp_path, "log.txt", "anna film"))
    assert (len(log), log.num_users, log.num_items, log.times) == (1, 1, 1, None)
    assert (list(log.user_ids), list(log.item_ids)) == (["anna"], ["film"])


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"nowhere\.txt cannot be read: No such file"):
        sequences(tmp_path / "nowhere.txt")
    with pytest.raises(EvaluationError, match="cannot be read: Is a directory"):
        sequences(tmp_path)


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"log\.txt, line 3: not UTF-8 .*iconv"):
        sequences(written(tmp_path, "log.txt", b"a b\na c\nzo\xeb d\n"))


def test_users_come_together_and_keep_the_order_of_their_lines(tmp_path: Path) -> None:
    # A byte order mark, Windows line ends, tabs, runs of blanks and blank lines change nothing.
    data = "\ufeffb  x\r\na\ty\r\n\r\nb y\r\n  a x \r\nb z"
    log = sequences(written(tmp_path, "log.txt", data))
    found = list(zip(log.user_ids[log.users], log.item_ids[log.items], strict=True))
    assert found == [("b", "x"), ("b", "y"), ("b", "z"), ("a", "y"), ("a", "x")]


def test_a_third_column_orders_a_user_and_is_in_microseconds(tmp_path: Path) -> None:
    log = sequences(written(tmp_path, "log.txt", "a late 20\na early 10.5\na same 20\n"))
    assert list(log.item_ids[log.items]) == ["early", "late", "same"]
    assert log.times is not None
    assert log.times.tolist() == [10_500_000, 20_000_000, 20_000_000]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a b\na\n", r"log\.txt, line 2: 1 columns where 2 are needed \(user item.*'a'"),
        ("a b\n\na b c\n", r"line 3: 3 columns where 2 are needed"),
        ("a b 1\na b\n", r"line 2: 2 columns where 3 are needed \(user item time\)"),
        ("a b 1 5\n", r"line 1: 4 columns"),
        ("a b 1\na c noon\n", r"line 2: the time is not a number of seconds"),
        ("a b nan\n", r"line 1: the time is not a number of seconds"),
        ("a b 1e300\n", r"line 1: the time is too large"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, data: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        sequences(written(tmp_path, "log.txt", data))


def test_pairs_keep_their_part_and_may_have_blanks_in_ids(tmp_path: Path) -> None:
    files = [
        written(tmp_path, name, data)
        for name, data in (("train", "u 1\tx\nu 2\ty\n"), ("valid", "u 1\ty\n"), ("test", "u 1\tz\nu 2\tx\n"))
    ]
    log, parts = pairs(*files)
    found = list(zip(log.user_ids[log.users], log.item_ids[log.items], parts.tolist(), strict=True))
    assert found == [
        ("u 1", "x", TRAIN),
        ("u 1", "y", VALIDATION),
        ("u 1", "z", TEST),
        ("u 2", "y", TRAIN),
        ("u 2", "x", TEST),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [("a b\n", "valid, line 1: 1 columns where 2 are needed"), ("a\tb\n\tc\n", "valid, line 2: an empty column")],
)
def test_a_pair_that_is_none_is_named(tmp_path: Path, data: str, message: str) -> None:
    good = written(tmp_path, "good", "a\tb\n")
    with pytest.raises(EvaluationError, match=message):
        pairs(good, written(tmp_path, "valid", data), good)


def test_ncf_negatives_follow_their_test_line(tmp_path: Path) -> None:
    train = written(tmp_path, "train", "1\tx\t5\t10\n0\ty\t3\t20\n0\tx\t3\t10\n")
    # The test has the users in another order than training.
    test = written(tmp_path, "test", "0\tz\t3\t8\n1\ty\t5\t9\n")
    listed = ncf(train, test, written(tmp_path, "negative", "(0,z)\tx\n(1,y)\tz\tnew\n"))
    log = listed.log
    found = list(zip(log.user_ids[log.users], log.item_ids[log.items], listed.parts.tolist(), strict=True))
    # The test comes last, whatever its time; training is in order of time.
    assert found == [("1", "x", TRAIN), ("1", "y", TEST), ("0", "x", TRAIN), ("0", "y", TRAIN), ("0", "z", TEST)]
    names = np.append(log.item_ids, "?")
    assert names[listed.negatives].tolist() == [["z", "?"], ["x", "?"]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("(1,y)\tz\n(0,z)\tx\n", "negative has 2 lines where .*test has 1"),
        ("(1,z)\tx\n", r"negative, line 1: not the negatives of \(1,y\), which is line 1 of .*test"),
        ("(1,y)\n", "negative, line 1: no negative"),
    ],
)
def test_negatives_that_do_not_belong_to_the_test_are_named(tmp_path: Path, data: str, message: str) -> None:
    train, test = written(tmp_path, "train", "1\tx\t5\t10\n"), written(tmp_path, "test", "1\ty\t5\t11\n")
    with pytest.raises(EvaluationError, match=message):
        ncf(train, test, written(tmp_path, "negative", data))
