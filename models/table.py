"""An embedding table of which a trainer may hold a part, since the trainers of a job divide its rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from models.row_sums import mean_places, mean_rows
from models.trainers.group import Group

#: Rows that are drawn at once: nobody has to hold a whole table before it learns.
_DRAWN = 65_536


class Table(tf.keras.layers.Embedding):
    """Codes -> rows. Where trainers divide the table, `embeddings` are the rows of this one (`Group.part`), and codes
    are places in the rows that were pulled (`models.trainers.owners`).

    Attributes:
      size: rows of the whole table.
      part: those of `embeddings`.
    """

    _pulled: Any = None

    def __init__(self, size: int, width: int, initializer: Any, group: Group) -> None:
        """A table [size, width] whose rows are drawn by a Keras initializer, the same rows however it is divided."""
        self.size, self.part = size, group.part(size)
        super().__init__(
            len(range(size)[self.part]), width, embeddings_initializer=_OwnRows(initializer, size, self.part)
        )

    @property
    def is_divided(self) -> bool:
        """Whether this trainer holds a part only."""
        return self.part != slice(None)

    @contextmanager
    def reading(self, pulled: Any) -> Iterator[None]:
        """Within this, codes are places in `pulled` [n, width]."""
        self._pulled = pulled
        try:
            yield
        finally:
            self._pulled = None

    def call(self, codes: Any) -> Any:
        """Codes [...] -> [..., width]."""
        return tf.gather(self.embeddings if self._pulled is None else self._pulled, codes)

    def mean(self, codes: Any) -> Any:
        """Means of rows, codes [n, h] -> [n, width]."""
        return mean_rows(self.embeddings, codes) if self._pulled is None else mean_places(self._pulled, codes)


class _OwnRows(tf.keras.initializers.Initializer):
    """Draws a table block by block, and keeps the rows of a part."""

    def __init__(self, each: Any, size: int, part: slice) -> None:
        self._each, self._size, self._part = each, size, part

    def __call__(self, shape: Any, dtype: Any = None, **options: Any) -> Any:
        kind, config = type(self._each), self._each.get_config()
        seeds = tf.random.uniform([-(-self._size // _DRAWN)], maxval=2**30, dtype=tf.int32).numpy()
        kept = []
        for block, seed in enumerate(seeds):
            rows = range(self._size)[block * _DRAWN : (block + 1) * _DRAWN]
            drawn = kind.from_config(config | {"seed": int(seed)})([len(rows), shape[1]], dtype)
            # The part's first row in this block, and every so many after it.
            step = self._part.step or 1
            kept.append(drawn[((self._part.start or 0) - rows.start) % step :: step])
        return tf.concat(kept, 0)

    def get_config(self) -> dict[str, Any]:
        return {}
