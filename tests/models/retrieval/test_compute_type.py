"""Which type is the fastest here follows from what the processor says."""

import importlib
from pathlib import Path

import pytest

from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.compute_type import compute_type

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("flags : fpu avx512f avx512_bf16", "bfloat16"), ("flags : fpu avx512f", "float32"), ("", "float32")],
)
def test_the_fastest_follows_the_flags(tmp_path: Path, flags: str, expected: str) -> None:
    (tmp_path / "cpuinfo").write_text(flags)
    assert compute_type(RetrievalSettings(compute_type="fastest"), tmp_path / "cpuinfo") == tf.as_dtype(expected)


def test_what_is_said_is_taken_and_an_unknown_processor_has_float32(tmp_path: Path) -> None:
    assert compute_type(RetrievalSettings(compute_type="bfloat16"), tmp_path / "none") == tf.bfloat16
    assert compute_type(RetrievalSettings(compute_type="fastest"), tmp_path / "none") == tf.float32
