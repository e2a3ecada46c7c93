"""A draft: Parquet files that another program wrote into a table's folder, before a commit makes them part of it."""

import json
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from homefeed import windows
from homefeed.object_store import ObjectStore
from homefeed.settings.storage import Place

#: Footers that are read from a store at once.
_THREADS = 8


@dataclass(frozen=True)
class DraftFile:
    """One file of a draft.

    Attributes:
      name: where it is below the draft, `window=<window>/<file>.parquet`.
      size: its bytes.
      num_rows: rows, as its footer says.
    """

    name: str
    size: int
    num_rows: int

    @property
    def window(self) -> str:
        """The window whose rows it holds, as its folder says."""
        return windows.of_file(self.name)

    def added(self, draft: str) -> AddAction:
        """The entry of a commit that takes the file up where it is; `draft` is the draft's folder below the table's."""
        return AddAction(
            path=f"{draft}/{self.name}",
            size=self.size,
            partition_values={"window": self.window},
            modification_time=round(time.time() * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": self.num_rows}),
        )


def draft_files(draft: Place, names: Collection[str] | None = None) -> list[DraftFile]:
    """The files of a draft that are there, in order of name.

    Args:
      draft: the folder.
      names: those that count, where a task that ran twice may have left others; None takes all.

    Raises:
      StoreError: the store refuses, or a file is damaged.
    """
    store = ObjectStore(draft)
    # Spark's own folder of what is not done has names with an underscore.
    there = [name for name in store.names() if name.startswith("window=") and name.endswith(".parquet")]
    found = [name for name in there if names is None or name in names]

    def look(name: str) -> DraftFile:
        with store.open(name) as file:
            size = file.seek(0, 2)
            return DraftFile(name, size, pq.read_metadata(file).num_rows)

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(look, found))
