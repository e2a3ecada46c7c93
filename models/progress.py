"""Where a training is while it learns, noted every some steps: after a kill it goes on from there."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from models.checkpoint import write_arrays

_FILE = "progress.npz"
P = TypeVar("P")


@dataclass
class Place:
    """Where a training is.

    Attributes:
      passes: that are done.
      steps: of the next pass that are done.
      random: state of the generator before it drew the order of that pass.
      history: what validation said after each pass.
    """

    passes: int = 0
    steps: int = 0
    random: dict[str, Any] = field(default_factory=dict)
    history: list[float] = field(default_factory=list)


class Progress:
    """The notes of one training, in a folder that is there only until it is published."""

    def __init__(self, folder: Path, made_from: str, versions: Mapping[str, int], every: int) -> None:
        """Notes in `folder`.

        Args:
          folder: that of the training's window.
          made_from: digest of settings and start; notes of another training are not gone on from.
          versions: of the tables that are read; with notes, those that the training began with count.
          every: steps after which notes are written; 0 for none.

        Attributes:
          folder: of the notes, and of what else is needed until the training is published.
          versions: of the tables that the training reads.
        """
        self.folder, self._made_from, self.every = folder, made_from, every
        found = self._record()
        self.versions: dict[str, int] = found["versions"] if found else dict(versions)

    def steps(self) -> int:
        """How many steps the notes are of; 0 without notes."""
        found = self._record()
        return found["taken"] if found else 0

    def load(self, kind: type[P]) -> tuple[P, Any] | None:
        """The place of the newest notes, a `kind`, and their open file, which reads an array when it is asked for; None
        without any."""
        found = self._record()
        if not found:
            return None
        return kind(**found["place"]), np.load(self.folder / _FILE, allow_pickle=False)

    def save(self, place: Any, taken: int, arrays: Iterable[tuple[str, Any]]) -> None:
        """Write notes in place of those before, all or nothing.

        Args:
          place: where the training is, a dataclass.
          taken: steps of it so far.
          arrays: what it has learned, by name.
        """
        record = {"made_from": self._made_from, "versions": self.versions, "taken": taken, "place": asdict(place)}
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{os.getpid()}.npz"
        write_arrays(draft, chain([("record", np.array(json.dumps(record)))], arrays))
        draft.replace(self.folder / _FILE)

    def end(self) -> None:
        """The training is published: nothing of it has to be done again."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _record(self) -> dict[str, Any] | None:
        try:
            with np.load(self.folder / _FILE, allow_pickle=False) as saved:
                record: dict[str, Any] = json.loads(str(saved["record"]))
        except FileNotFoundError:
            return None
        return record if record["made_from"] == self._made_from else None
