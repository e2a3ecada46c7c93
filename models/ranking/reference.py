"""The reference of a training: a sample of its validation, kept beside the model, that drift is measured against."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from homefeed.features import DENSE_FEATURES, TARGETS
from models.ranking.examples import Examples

REFERENCE_FILE = "reference.parquet"
_ROWS = 20_000


def save_reference(folder: Path, examples: Examples, heads: Mapping[str, NDArray[np.float32]], seed: int) -> None:
    """A sample of the validation exposures for drift reports, each exposure of them as likely as any other.

    Columns: the features the network read; `predicted_<target>`, the heads it answered; the labels, by target; `user`
    and `video`; and `<category>_key` of device, country, source, topic and user_language.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(examples))
    # One that was sampled stands for several, the others for one: keep both at the same rate.
    share = examples.weight[order] / max(float(examples.weight.max(initial=0)), 1e-9)
    rows = np.sort(order[random.random(len(order)) < share][:_ROWS])
    inputs = examples.inputs
    columns = {name: inputs.dense[rows, column] for column, name in enumerate(DENSE_FEATURES)}
    columns |= {f"predicted_{target}": head[rows] for target, head in heads.items()}
    columns |= {target: examples.labels[target][rows] for target in TARGETS}
    keys = {
        "device": inputs.device,
        "country": inputs.country,
        "source": examples.sources,
        "topic": inputs.topic,
        "user_language": inputs.user_language,
    }
    columns |= {f"{name}_key": key[rows] for name, key in keys.items()}
    pq.write_table(
        pa.table(columns | {"user": examples.users[rows], "video": inputs.video[rows]}), folder / REFERENCE_FILE
    )
