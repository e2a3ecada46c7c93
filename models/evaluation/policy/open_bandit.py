"""Reader of the Open Bandit Dataset's layout: one folder per policy, with the log as `<campaign>.csv`.

Source: Saito et al. 2021, "Open Bandit Dataset and Pipeline". `item_context.csv` beside the log is not read: the model
of the rewards has a weight for each item, and its hashed features are not the same in two folders.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from models.evaluation.policy.errors import PolicyError
from models.evaluation.policy.rounds import Floats, check_probabilities

COLUMNS = ("timestamp", "item_id", "position", "click", "propensity_score")
_ITEMS, _FEATURE = "item_context.csv", "user_feature_"


@dataclass(frozen=True)
class BanditLog:
    """One log; row i of each is one impression.

    Attributes:
      file: where it comes from.
      items, positions: [n] as strings.
      clicks: [n] 0 or 1.
      propensities: [n] above 0, up to 1.
      features: [n] strings, one column for each feature of the user; by name.
      clusters: [n] number of the moment and the user: the positions of one request are logged with the same time.
    """

    file: Path
    items: pa.Array
    positions: pa.Array
    clicks: Floats
    propensities: Floats
    features: dict[str, pa.Array]
    clusters: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.clicks)


def read(folder: Path) -> BanditLog:
    """The log of a folder.

    Raises:
      PolicyError: there is no folder, not exactly one log in it, or the log is not what it must be; the message names
        the file, the line and what to do.
    """
    file = _log_of(folder)
    table = _table(file)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise PolicyError(
            f"{file}, line 1: no column {', '.join(missing)}; a log of the Open Bandit Dataset has {', '.join(COLUMNS)}"
        )
    for name in ("timestamp", "item_id", "position"):
        blank = pc.equal(pc.binary_length(pc.utf8_trim_whitespace(table[name])), 0).to_numpy()
        if blank.any():
            raise PolicyError(f"{file}, line {np.argmax(blank) + 2}: {name} is empty; every impression needs one")
    clicks = _numbers(file, table, "click")
    wrong = ~np.isin(clicks, (0.0, 1.0))
    if wrong.any():
        raise PolicyError(f"{file}, line {np.argmax(wrong) + 2}: click is {clicks[np.argmax(wrong)]:g}; it is 0 or 1")
    propensities = _numbers(file, table, "propensity_score")
    check_probabilities(propensities, lambda row: f"{file}, line {row + 2}: propensity_score", above_zero=True)
    features = {name: _whole(table[name]) for name in table.column_names if name.startswith(_FEATURE)}
    user = pc.binary_join_element_wise(_whole(table["timestamp"]), *features.values(), "\t")
    clusters = user.dictionary_encode().indices.to_numpy().astype(np.int64)
    return BanditLog(
        file, _whole(table["item_id"]), _whole(table["position"]), clicks, propensities, features, clusters
    )


def _log_of(folder: Path) -> Path:
    if not folder.is_dir():
        raise PolicyError(f"there is no folder {folder}; name the folder of one policy, such as open-bandit/men/random")
    logs = sorted(file for file in folder.glob("*.csv") if file.name != _ITEMS)
    if len(logs) != 1:
        found = ", ".join(file.name for file in logs) or "none"
        raise PolicyError(f"{folder} must hold one log beside {_ITEMS}, such as men.csv; it holds {found}")
    return logs[0]


def _table(file: Path) -> pa.Table:
    """Every column of the file as strings."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PolicyError(f"{file} cannot be read: {error.strerror}") from error
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError(
            f"{file}, line {line}: not UTF-8 ({error.reason}); convert it, for example with iconv -t UTF-8"
        ) from error
    data = data.removeprefix(b"\xef\xbb\xbf").rstrip()
    if not data:
        raise PolicyError(f"{file} is empty; a log has a line of column names and a line for each impression")
    if b"\n" not in data:
        raise PolicyError(f"{file} has only its line of column names; there is no impression to estimate from")
    names = data.split(b"\n", 1)[0].decode().strip().split(",")
    try:
        table = csv.read_csv(
            BytesIO(data),
            # Threads would lose the number of the line that an error is in.
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys((name.strip('"') for name in names), pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        said = re.sub(r"^CSV parse error: Row #(\d+)", r"line \1", str(error))
        raise PolicyError(f"{file}, {said[:200]}; every line has a field for each name of line 1") from error
    return table


def _numbers(file: Path, table: pa.Table, name: str) -> Floats:
    text = pc.utf8_trim_whitespace(_whole(table[name]))
    is_number = pc.match_substring_regex(text, r"^([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:nan))$")
    row = int(np.argmin(is_number.to_numpy(zero_copy_only=False)))
    if not is_number[row].as_py():
        raise PolicyError(f"{file}, line {row + 2}: {name} is {text[row].as_py()!r:.40}; it must be a number")
    return np.asarray(text.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
