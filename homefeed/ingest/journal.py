"""The journal: what ingestion found in each arrival window, noted before the lake changes.

The lake cannot say afterwards which arrival window brought a row. So that a run that is killed and repeated reports the
same counts and the same touched windows, they are written down first, with the sizes of the files that
were counted.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson


@dataclass
class Entry:
    """One arrival window.

    Attributes:
      window: its name.
      files: name of each file -> its size when it was read [bytes].
      valid: rows that kept to the schema.
      accepted: rows that were new.
      quarantined: rows that broke the schema.
      late: accepted rows of windows whose label windows had closed before this one, two windows back or more.
      touched: event windows whose content changed.
      run: the arrival window that the run was for.
      committed: whether the lake has it all.
    """

    window: str
    files: dict[str, int]
    valid: int = 0
    accepted: int = 0
    quarantined: int = 0
    late: int = 0
    touched: list[str] = field(default_factory=list)
    run: str = ""
    committed: bool = False


@dataclass(frozen=True)
class Journal:
    """Entries as one small file each, in a hidden folder of the event log.

    Attributes:
      path: that folder.
    """

    path: Path

    def read(self, window: str) -> Entry | None:
        """The entry of a window, or None."""
        try:
            return Entry(**orjson.loads((self.path / f"{window}.json").read_bytes()))
        except FileNotFoundError:
            return None

    def write(self, entry: Entry) -> None:
        """Replace the entry of its window; a reader sees the old one or the new one."""
        self.path.mkdir(parents=True, exist_ok=True)
        draft = self.path / f"{entry.window}.tmp"
        draft.write_bytes(orjson.dumps(asdict(entry)))
        draft.replace(self.path / f"{entry.window}.json")


def sizes(files: list[Path]) -> dict[str, int]:
    """Name -> size [bytes] of files of one arrival window."""
    return {f.name: f.stat().st_size for f in files}
