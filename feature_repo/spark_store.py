"""Spark on a lake in an object store: its workers read and write Parquet files through fsspec, as everything here does.

Spark itself reads stores by a Hadoop package of each, with settings of its own; so a worker's Python does it instead
([ADR 41](../docs/adr/0041-spark-on-a-store.md)). It must be one that imports this package.
"""

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from homefeed import windows
from homefeed.object_store import ObjectStore
from homefeed.settings.storage import StoreFolder

Batches = Iterator[pa.RecordBatch]
#: Tasks for each core of the cluster that read files: few enough to cost little, enough for cores to end together.
_TASKS_PER_CORE = 4
_WRITTEN = pa.schema([("name", pa.string())])


def read_files(session: Any, folder: StoreFolder, files: Sequence[str], schema: pa.Schema) -> Any:
    """A frame of the rows of `files`, URLs below `folder`; `window` is taken from their paths."""
    from pyspark.sql.pandas.types import from_arrow_schema

    names = [file.removeprefix(f"{folder}/") for file in files]
    tasks = min(len(names), _TASKS_PER_CORE * session.sparkContext.defaultParallelism)
    return session.range(0, len(names), 1, tasks).mapInArrow(_reader(folder, names, schema), from_arrow_schema(schema))


def write_files(frame: Any, draft: StoreFolder) -> set[str]:
    """Write a frame whose tasks hold rows in order of `window`: one file for each task and window.

    Returns:
      Names below `draft` of the files that count; a task that failed, or ran twice, may have left others.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    written = frame.mapInArrow(_writer(draft), from_arrow_schema(_WRITTEN)).toArrow()
    return set(written.column("name").to_pylist())


def _reader(folder: StoreFolder, names: Sequence[str], schema: pa.Schema) -> Callable[[Batches], Batches]:
    """What a worker runs on numbers of `names`."""

    def read(numbers: Batches) -> Batches:
        store, inside = ObjectStore(folder), [name for name in schema.names if name != "window"]
        for name in (names[number] for batch in numbers for number in batch.column(0).to_pylist()):
            with store.open(name) as file:
                for rows in pq.ParquetFile(file, pre_buffer=True).iter_batches(columns=inside):
                    window = pa.repeat(windows.of_file(name), rows.num_rows)
                    yield rows.append_column("window", window).select(schema.names).cast(schema)

    return read


def _writer(draft: StoreFolder) -> Callable[[Batches], Batches]:
    """What a worker runs on rows in order of `window`."""

    def write(rows: Batches) -> Batches:
        store, task, names = ObjectStore(draft), uuid.uuid4().hex, []
        for window, parts in itertools.groupby(_by_window(rows), key=lambda part: part[0]):
            names.append(f"window={window}/{task}.parquet")
            _, first = next(parts)
            with store.create(names[-1]) as file, pq.ParquetWriter(file, first.schema) as out:
                for part in itertools.chain([first], (part for _, part in parts)):
                    out.write_batch(part)
        yield pa.record_batch([pa.array(names, pa.string())], schema=_WRITTEN)

    return write


def _by_window(batches: Batches) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Each batch cut where the window changes, as the window and its rows without that column."""
    for batch in batches:
        runs = pc.run_end_encode(batch.column("window"))
        rest, start = batch.drop_columns("window"), 0
        for window, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield window, rest.slice(start, end - start)
            start = end
