"""How weights begin."""

from typing import Any

import tensorflow as tf


def normal(deviation: float) -> Any:
    """A new initializer for each weight: one that is used twice would make two weights alike."""
    return tf.keras.initializers.RandomNormal(stddev=deviation)
