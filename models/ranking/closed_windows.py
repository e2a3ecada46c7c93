"""Exposures of closed windows as the ranker of a release reads them, and what it says of them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.settings import Settings
from models.ranking.examples import Examples, examples_of

Answer = TypeVar("Answer")
#: Exposures answered in one call.
_BLOCK = 8192
#: Windows that bots are told from people by: a day, as an hour of anybody says little.
BOT_WINDOWS = 144


def read_exposures(settings: Settings, shape: Any, first: str, last: str, max_rows: int) -> tuple[pa.Table, Examples]:
    """Exposures of people in windows `first` to `last`, both included, as rows and as examples; of more than
    `max_rows`, about, the missed ones are sampled and weighted. Bots are left out, as they are of training: nobody is
    served better by what they do.

    Args:
      settings: the settings tree.
      shape: lengths of the histories that the ranker reads, `models.bundle.Shape`.
      first, last: windows.
      max_rows: upper bound, about.
    """
    return read_spans(settings, shape, [(first, last)], max_rows)[0]


def read_spans(
    settings: Settings, shape: Any, spans: Sequence[tuple[str, str]], max_rows: int
) -> list[tuple[pa.Table, Examples]]:
    """`read_exposures` of each span of windows. Features are joined once for all of them, which takes most of the time
    and hardly longer than for one."""
    from feature_repo.bots import bot_viewers
    from feature_repo.catalogue import catalogue
    from feature_repo.training_set import with_features
    from models.video_table import video_table

    ends = {last for _, last in spans}
    bots = {last: bot_viewers(settings, windows.shift(last, 1 - BOT_WINDOWS), last).column("user") for last in ends}
    videos = {last: video_table(catalogue(settings, windows.end(last), withdrawn=True)) for last in ends}
    chosen = [_people(settings, first, last, max_rows, bots[last]) for first, last in spans]
    rows, start = with_features(settings, pa.concat_tables(chosen)), 0
    found = []
    for (_, last), part in zip(spans, chosen, strict=True):
        own, start = rows.slice(start, part.num_rows), start + part.num_rows
        found.append((own, examples_of(own, videos[last], shape.history_length, shape.ranker_history_length)))
    return found


def _people(settings: Settings, first: str, last: str, max_rows: int, bots: pa.ChunkedArray) -> pa.Table:
    from feature_repo.training_set import ranking_rows

    num = sum(n for w, n in open_lake(settings.lake_path).num_rows("exposures").items() if first <= w <= last)
    rows = ranking_rows(settings, first, last, sample=max_rows / num if num > max_rows else None)
    return rows.filter(pc.invert(pc.is_in(rows.column("user"), bots)))


def in_blocks(answer: Callable[[Any], Answer], inputs: Any, num: int) -> list[Answer]:
    """What `answer` says of each block of `num` rows of inputs."""
    return [answer(inputs.take(slice(first, first + _BLOCK))) for first in range(0, num, _BLOCK)]


def predictions(bundle: Any, inputs: Any, num: int) -> dict[str, NDArray[np.float32]]:
    """Target -> calibrated predictions [num] of a bundle; nothing without a row."""
    blocks = in_blocks(bundle.heads, inputs, num)
    return {target: np.concatenate([block[target] for block in blocks]) for target in blocks[0]} if blocks else {}
