"""What takes a release's graphs, in a process beside the service, so that pages never wait for TensorFlow.

The process reads what is asked from one file in memory and writes what it computed to another. Neither has a name, so
nothing is left behind however it ends, and no page waits for a disk.
"""

import logging
import os
import subprocess
import sys
import time as clock
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.bundle.arrays import read_array
from models.bundle.preparation import READ, Prepared
from models.bundle.store import BundleError
from models.index import Rest

#: How often it is looked whether the process is done, and after how long it is given up.
_LOOK_S, _MOST_S = 0.05, 900.0
#: Rows that are written at once, in a fraction of a millisecond.
_ROWS = 4_096
_logger = logging.getLogger(__name__)


def prepare_beside(path: Path, snapshot: pa.Table, missing: NDArray[np.int64], time: datetime, rest: Rest) -> Prepared:
    """`preparation.prepare` for the bundle in folder `path`.

    Args:
      path, snapshot, missing, time: as there.
      rest: called again and again while it is waited for.

    Raises:
      BundleError: the process failed, or was not done after a quarter of an hour.
    """
    return Prepared(*_beside("prepare", path, snapshot, missing, time, rest))


def vectors_beside(
    path: Path, snapshot: pa.Table, missing: NDArray[np.int64], time: datetime, rest: Rest
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """`candidate_vectors.new_vectors`, in the same way."""
    keys, vectors = _beside("vectors", path, snapshot, missing, time, rest)
    return keys, vectors


def _beside(
    work: str, path: Path, snapshot: pa.Table, missing: NDArray[np.int64], time: datetime, rest: Rest
) -> list[NDArray[Any]]:
    with _file() as asked, _file() as made, _file() as said:
        np.save(asked, missing)
        wanted = snapshot.select([name for name in READ if name in snapshot.column_names])
        with pa.ipc.new_stream(asked, wanted.schema) as stream:
            for batch in wanted.to_batches(max_chunksize=_ROWS):
                stream.write_batch(batch)
                rest()
        asked.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "models.bundle.process", work, str(path), time.isoformat()],
            stdin=asked,
            stdout=made,
            stderr=said,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            _wait(process, f"{work} for {path}", rest)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            lines = _read(said).decode(errors="replace").strip().splitlines() or ["it said nothing"]
            _logger.error("%s for %s failed: %s", work, path, "\n".join(lines))
            raise BundleError(f"{work} for {path} failed with code {process.returncode}: {lines[-1]}")
        made.seek(0)
        size, arrays = os.fstat(made.fileno()).st_size, []
        while made.tell() < size:
            arrays.append(read_array(made, rest))
        return arrays


def _file() -> BinaryIO:
    return os.fdopen(os.memfd_create("homefeed-beside"), "w+b")


def _wait(process: "subprocess.Popen[bytes]", what: str, rest: Rest) -> None:
    until = clock.monotonic() + _MOST_S
    while process.poll() is None:
        if clock.monotonic() > until:
            raise BundleError(f"{what} took more than {_MOST_S:g} s: is the machine too busy?")
        clock.sleep(_LOOK_S)
        rest()


def _read(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()
