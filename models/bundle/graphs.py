"""The SavedModels of a release in this process: for many rows at a time, and for columns of any kind."""

from pathlib import Path
from typing import Any


class Graphs:
    """Loaded when first used, by an evaluation or an explanation, and again after `close`; TensorFlow is imported then.

    Args:
      path: folder of the bundle.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loaded: dict[str, Any] = {}

    @property
    def towers(self) -> Any:
        """A SavedModel of `SavedTowers`."""
        return self._graph("towers")

    @property
    def ranker(self) -> Any:
        """A SavedModel of `SavedRanker`."""
        return self._graph("ranker")

    def close(self) -> None:
        """Forget them: their tables are as large as all that a page needs."""
        self._loaded = {}

    def _graph(self, name: str) -> Any:
        if name not in self._loaded:
            import tensorflow as tf

            # Kept whole: a function of a SavedModel does not keep its variables alive.
            self._loaded[name] = tf.saved_model.load(str(self._path / name))
        return self._loaded[name]
