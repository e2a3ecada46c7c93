"""The reference of a training: a sample of its validation, kept beside the model, that drift is measured against."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES
from models.ranking.examples import Examples

REFERENCE_FILE = "reference.parquet"
_ROWS = 20_000


def save_reference(folder: Path, examples: Examples, heads: Mapping[str, NDArray[np.float32]], seed: int) -> None:
    """A sample of the validation exposures with the features the network read and the heads it answered, for drift
    reports."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(examples))[:_ROWS])
    columns = {name: examples.inputs.dense[rows, column] for column, name in enumerate(DENSE_FEATURES)}
    columns |= {f"predicted_{target}": head[rows] for target, head in heads.items()}
    pq.write_table(pa.table(columns | {"watched": examples.labels["watched"][rows]}), folder / REFERENCE_FILE)
