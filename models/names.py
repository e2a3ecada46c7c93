"""Texts of the keys that models work with, for pages that people read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from models.history import string_keys


@dataclass(frozen=True)
class Names:
    """Key -> text.

    Attributes:
      channels, topics, countries, devices, sources: an unknown key is shown as a number sign and its
        hexadecimal digits.
    """

    channels: Mapping[int, str] = field(default_factory=dict)
    topics: Mapping[int, str] = field(default_factory=dict)
    countries: Mapping[int, str] = field(default_factory=dict)
    devices: Mapping[int, str] = field(default_factory=dict)
    sources: Mapping[int, str] = field(default_factory=dict)

    def channel(self, key: int) -> str:
        """Id of the channel of that key."""
        return _text(self.channels, key)

    def topic(self, key: int) -> str:
        """The topic of that key."""
        return _text(self.topics, key)

    def country(self, key: int) -> str:
        """The country of that key."""
        return _text(self.countries, key)

    def device(self, key: int) -> str:
        """The device of that key."""
        return _text(self.devices, key)

    def source(self, key: int) -> str:
        """The source of that key."""
        return _text(self.sources, key)


#: For columns whose texts nobody kept.
NO_NAMES = Names()


def names_of(catalogue: pa.Table, users: pa.Table, exposures: pa.Table | None = None) -> Names:
    """Names of the channels and topics of a catalogue (columns `channel`, `channel_id`, `topics`), of the countries of
    `users` (column `country`), and of the devices and sources of `exposures` (columns `device` and `source`)."""
    pairs = catalogue.select(["channel", "channel_id"]).group_by("channel").aggregate([("channel_id", "min")])
    channels = dict(zip(pairs["channel"].to_pylist(), pairs["channel_id_min"].to_pylist(), strict=True))
    return Names(
        {key: text for key, text in channels.items() if text},
        _keyed(pc.list_flatten(catalogue["topics"])),
        _keyed(users["country"]),
        {} if exposures is None else _keyed(exposures["device"]),
        {} if exposures is None else _keyed(exposures["source"]),
    )


def _keyed(texts: Any) -> dict[int, str]:
    distinct = [text for text in pc.unique(texts).to_pylist() if text]
    return dict(zip(string_keys(distinct).tolist(), distinct, strict=True))


def _text(texts: Mapping[int, str], key: int) -> str:
    return texts.get(key) or ("unknown" if key == 0 else f"#{key:x}")
