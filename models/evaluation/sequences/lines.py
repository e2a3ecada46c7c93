"""A text file as columns of strings, or an error that names the file and the line."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.evaluation.sequences.errors import EvaluationError

_NUMBER = r"^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$"
#: Seconds whose microseconds still fit into 64 bits.
_MOST_S = 9e12


@dataclass(frozen=True)
class Lines:
    """The lines of one file that are not blank, cut into fields.

    Attributes:
      file: where they come from.
      fields: [n] lists of strings.
      numbers: [n] number of the line in the file, 1 first.
    """

    file: Path
    fields: pa.ListArray
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def columns(self, num: int, meaning: str) -> list[pa.Array]:
        """The fields as `num` columns. `meaning` says what a line must be.

        Raises:
          EvaluationError: a line has more or fewer fields, or an empty one.
        """
        wrong = self.widths() != num
        if wrong.any():
            first = int(np.argmax(wrong))
            raise self.wrong(first, f"{self.widths()[first]} columns where {num} are needed ({meaning})")
        flat = self.fields.flatten()
        empty = pc.equal(pc.binary_length(flat), 0).to_numpy(zero_copy_only=False)
        if empty.any():
            raise self.wrong(int(np.argmax(empty)) // num, f"an empty column ({meaning})")
        return [flat.take(pa.array(np.arange(column, len(flat), num))) for column in range(num)]

    def widths(self) -> NDArray[np.int64]:
        """[n] number of fields of each line."""
        return np.asarray(self.fields.value_lengths().to_numpy(zero_copy_only=False), np.int64)

    def wrong(self, row: int, what: str) -> EvaluationError:
        """An error about one of the lines."""
        text = "\t".join(self.fields[row].as_py())
        return EvaluationError(f"{self.file}, line {self.numbers[row]}: {what}: {text!r:.80}")

    def times(self, column: pa.Array) -> NDArray[np.int64]:
        """Seconds since 1970, whole or decimal, as microseconds [n].

        Raises:
          EvaluationError: a field is not a number of seconds.
        """
        is_number = pc.match_substring_regex(column, _NUMBER).to_numpy(zero_copy_only=False)
        if not is_number.all():
            raise self.wrong(int(np.argmin(is_number)), "the time is not a number of seconds since 1970")
        seconds = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        far = np.abs(seconds) > _MOST_S
        if far.any():
            raise self.wrong(int(np.argmax(far)), "the time is too large for seconds since 1970")
        return np.asarray(np.round(seconds * 1e6), np.int64)


def lines(file: Path, separator: str | None = None) -> Lines:
    """Read a file of UTF-8 text.

    Args:
      file: one record per line; blank lines are passed over.
      separator: between fields; None is any run of blanks and tabs.

    Raises:
      EvaluationError: the file is missing, is not UTF-8, or has no line.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise EvaluationError(f"{file} cannot be read: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EvaluationError(
            f"{file}, line {line}: not UTF-8 ({error.reason}); convert it, for example with iconv -t UTF-8"
        ) from error
    # Offsets of 64 bits: a log may be larger than 2 GiB.
    every = pc.split_pattern(pa.array([text], pa.large_string()), "\n").flatten()
    trimmed = pc.utf8_trim_whitespace(every) if separator is None else pc.utf8_rtrim(every, "\r")
    numbers = np.flatnonzero(pc.binary_length(pc.utf8_trim_whitespace(trimmed)).to_numpy(zero_copy_only=False))
    if not len(numbers):
        raise EvaluationError(f"{file} is empty: it has no line with an interaction")
    kept = trimmed.take(pa.array(numbers))
    fields = pc.utf8_split_whitespace(kept) if separator is None else pc.split_pattern(kept, separator)
    return Lines(file, fields, numbers + 1)
