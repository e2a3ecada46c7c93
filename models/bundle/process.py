"""`python -m models.bundle.process WORK BUNDLE TIME`: the process of `models.bundle.beside`."""

import mmap
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.bundle.candidate_vectors import new_vectors
from models.bundle.graphs import Graphs
from models.bundle.preparation import prepare

#: Behind pages, but not last on a busy machine: a quarter of a core beside one who wants all of it.
_NICE = 5


def answer(work: str, bundle: str, time: str, asked: IO[Any], made: IO[Any]) -> None:
    """Compute what is `asked` and write it to `made`, array after array."""
    os.nice(_NICE)
    # One core for all threads of TensorFlow: the others are the pages'.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    missing = np.load(asked, allow_pickle=False)
    # Read where it lies; nobody reads it after this process.
    lying = pa.py_buffer(mmap.mmap(asked.fileno(), 0, prot=mmap.PROT_READ))
    snapshot = pa.ipc.open_stream(lying.slice(asked.tell())).read_all()
    graphs, then = Graphs(Path(bundle)), datetime.fromisoformat(time)
    if work == "prepare":
        arrays: tuple[NDArray[Any], ...] = prepare(graphs, snapshot, missing, then)
    else:
        arrays = new_vectors(graphs.towers, snapshot, missing, then)
    for array in arrays:
        np.save(made, np.ascontiguousarray(array))


if __name__ == "__main__":
    # What libraries print must not come between the arrays.
    made = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with made, open(0, "rb", closefd=False) as asked:
        answer(sys.argv[1], sys.argv[2], sys.argv[3], asked, made)
