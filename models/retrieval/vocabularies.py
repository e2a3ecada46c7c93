"""The keys that the towers know, in the order of their codes; a training that goes on from another adds to them."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.profiles import Profiles
from models.video_table import VideoTable
from models.vocabulary import frequent, grown

FILE = "vocabularies.npz"


@dataclass(frozen=True)
class Vocabularies:
    """Distinct keys [.], code 2 first.

    Attributes:
      videos: those that were watched; the others have no id to learn and are told by their content.
      channels, topics, video_languages: of the catalogue.
      countries, languages: of the viewers.
    """

    videos: NDArray[np.int64]
    channels: NDArray[np.int64]
    topics: NDArray[np.int64]
    video_languages: NDArray[np.int64]
    countries: NDArray[np.int64]
    languages: NDArray[np.int64]

    def grown(self, newer: "Vocabularies") -> "Vocabularies":
        """These, then what only `newer` has."""
        own, other = vars(self), vars(newer)
        return Vocabularies(**{name: grown(own[name], other[name]) for name in own})

    def save(self, folder: Path) -> None:
        """Write `vocabularies.npz`."""
        np.savez_compressed(folder / FILE, **asdict(self))


def vocabularies_of(table: VideoTable, profiles: Profiles, watched: NDArray[np.int64]) -> Vocabularies:
    """Everything in a catalogue, in the profiles of viewers, and the watched rows of the catalogue [n]."""
    return Vocabularies(
        videos=frequent(table.keys[watched], 1),
        channels=frequent(table.channels, 1),
        topics=frequent(table.topics.ravel(), 1),
        video_languages=frequent(table.languages, 1),
        countries=frequent(profiles.countries, 1),
        languages=frequent(profiles.languages, 1),
    )


def load_vocabularies(folder: Path) -> Vocabularies:
    """Read `vocabularies.npz`."""
    with np.load(folder / FILE, allow_pickle=False) as saved:
        return Vocabularies(**{name: saved[name] for name in saved.files})
