"""The type in which training multiplies matrices."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from homefeed.settings.retrieval import RetrievalSettings

#: Flags of processors that multiply bfloat16 at twice the speed of float32; others emulate it and are slower.
_FLAGS = {"avx512_bf16", "amx_bf16"}


def compute_type(settings: RetrievalSettings, processor: Path = Path("/proc/cpuinfo")) -> Any:
    """TensorFlow's type for `settings.compute_type`.

    Args:
      settings: says `float32`, `bfloat16`, or `fastest` of the two here.
      processor: what Linux says about it; where there is no such file, nothing is known and float32 is taken.
    """
    if settings.compute_type != "fastest":
        return tf.as_dtype(settings.compute_type)
    flags = set(processor.read_text().split()) if processor.exists() else set()
    return tf.bfloat16 if flags & _FLAGS else tf.float32
