"""A draft: Parquet files that another program wrote into a table's folder, before a commit makes them part of it."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from deltalake.transaction import AddAction


@dataclass(frozen=True)
class DraftFile:
    """One file of a draft.

    Attributes:
      window: the window whose rows it holds, as its folder says.
      path: where it is.
      num_rows: rows, as its footer says.
    """

    window: str
    path: Path
    num_rows: int

    def added(self, root: Path) -> AddAction:
        """The entry of a commit to the table at `root` that takes the file up where it is."""
        return AddAction(
            path=str(self.path.relative_to(root)),
            size=self.path.stat().st_size,
            partition_values={"window": self.window},
            modification_time=round(time.time() * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": self.num_rows}),
        )


def draft_files(draft: Path) -> list[DraftFile]:
    """The files of a draft, `window=<window>/*.parquet`, in order."""
    return [
        DraftFile(file.parent.name.removeprefix("window="), file, pq.read_metadata(file).num_rows)
        for file in sorted(draft.glob("window=*/*.parquet"))
    ]
