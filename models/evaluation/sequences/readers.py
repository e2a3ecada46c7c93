"""Readers of plain logs: each format becomes one `SequenceLog` with the part of the data that each row belongs to."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.evaluation.sequences.errors import EvaluationError
from models.evaluation.sequences.lines import Lines, lines
from models.evaluation.sequences.log import SequenceLog, sequence_log

#: Parts of the data, in the order that a user's interactions have.
TRAIN, VALIDATION, TEST = 0, 1, 2
_PAIR = "user<tab>item"
_RATING = "user<tab>item<tab>rating<tab>timestamp"


@dataclass(frozen=True)
class Listed:
    """A log whose test interactions come each with a list of negatives.

    Attributes:
      log: every interaction; a user's test interactions come last.
      parts: [n] TRAIN or TEST.
      negatives: [number of test interactions, c] codes of items in `log`, in the log's order of test interactions; -1
        where a list is shorter, and for an item that no interaction has.
    """

    log: SequenceLog
    parts: NDArray[np.int64]
    negatives: NDArray[np.int64]


def sequences(file: Path) -> SequenceLog:
    """Lines `user item`, in order of time per user, or `user item time`; fields separated by blanks or tabs.

    Raises:
      EvaluationError: the file cannot be read, or a line is not like that; the message names the line.
    """
    read = lines(file)
    num = 3 if read.widths()[0] == 3 else 2
    users, items, *rest = read.columns(num, "user item time" if num == 3 else "user item, or user item time throughout")
    return sequence_log(users, items, read.times(rest[0]) if rest else None)[0]


def pairs(train: Path, valid: Path, test: Path) -> tuple[SequenceLog, NDArray[np.int64]]:
    """Three files of lines `user<tab>item`.

    Returns:
      The log of all three, and [n] the part of each interaction: TRAIN, VALIDATION or TEST.
    """
    read = [lines(file, "\t").columns(2, _PAIR) for file in (train, valid, test)]
    parts = np.repeat(np.array([TRAIN, VALIDATION, TEST]), [len(users) for users, _ in read])
    users, items = (pa.concat_arrays(column) for column in zip(*read, strict=True))
    log, order = sequence_log(users, items, None, parts)
    return log, parts[order]


def ncf(train: Path, test: Path, negatives: Path) -> Listed:
    """The layout of `ml-1m.train.rating`, `ml-1m.test.rating` and `ml-1m.test.negative`.

    Source: He et al. 2017, "Neural collaborative filtering", and the files published with it.

    Raises:
      EvaluationError: a file is malformed, or a line of negatives is not of the same line of `test`.
    """
    read = [(table, table.columns(4, _RATING)) for table in (lines(train, "\t"), lines(test, "\t"))]
    parts = np.repeat(np.array([TRAIN, TEST]), [len(table) for table, _ in read])
    users, items = (pa.concat_arrays([columns[i] for _, columns in read]) for i in (0, 1))
    times = np.concatenate([table.times(columns[3]) for table, columns in read])
    log, order = sequence_log(users, items, times, parts)
    ordered = parts[order]
    matrix = _negatives(lines(negatives, "\t"), read[1][0], read[1][1], pa.array(log.item_ids, pa.large_string()))
    return Listed(log, ordered, matrix[order[ordered == TEST] - len(read[0][0])])


def _negatives(read: Lines, test: Lines, wanted: list[pa.Array], item_ids: pa.Array) -> NDArray[np.int64]:
    """[number of test lines, c] codes of the negatives, in the order of the test lines."""
    if len(read) != len(test):
        raise EvaluationError(
            f"{read.file} has {len(read)} lines where {test.file} has {len(test)}: there must be one for each"
        )
    widths = read.widths()
    if (widths < 2).any():
        raise read.wrong(int(np.argmax(widths < 2)), "no negative: a line is (user,item)<tab>item<tab>item...")
    starts = np.cumsum(widths) - widths
    flat = read.fields.flatten()
    said = flat.take(pa.array(starts))
    comma = pa.scalar(",", said.type)
    expected = pc.binary_join_element_wise(*(column.cast(said.type) for column in wanted[:2]), comma)
    differs = pc.not_equal(pc.utf8_trim(said, "() "), expected).to_numpy(zero_copy_only=False)
    if differs.any():
        row = int(np.argmax(differs))
        raise read.wrong(
            row, f"not the negatives of ({expected[row]}), which is line {test.numbers[row]} of {test.file}"
        )
    matrix = np.full((len(read), int(widths.max()) - 1), -1, np.int64)
    is_negative = np.arange(matrix.shape[1])[None, :] < widths[:, None] - 1
    is_item = np.ones(len(flat), bool)
    is_item[starts] = False
    codes = pc.index_in(flat.filter(pa.array(is_item)), item_ids).fill_null(-1)
    matrix[is_negative] = codes.to_numpy(zero_copy_only=False)
    return matrix
