"""The words of titles as codes: numbers from a hash, since a catalogue always has words that no training has seen."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed import ids

#: Codes; 0 is padding.
TITLE_BUCKETS = 8192
#: Words of a title that are read, the first ones.
MAX_TITLE_TOKENS = 12
_NO_WORD = r"[^\pL\pN]+"


def title_codes(titles: NDArray[Any]) -> NDArray[np.int32]:
    """Codes of the words of each title, [n] str -> [n, MAX_TITLE_TOKENS]; 0 behind the last one."""
    codes = np.zeros((len(titles), MAX_TITLE_TOKENS), np.int32)
    words = pc.list_slice(_words(titles), 0, MAX_TITLE_TOKENS)
    sizes = np.asarray(words.value_lengths(), np.int64)
    coded = words.flatten().dictionary_encode()
    bucket = np.array([_bucket(word) for word in coded.dictionary.to_pylist()], np.int32)
    codes[np.arange(MAX_TITLE_TOKENS) < sizes[:, None]] = bucket[np.asarray(coded.indices, np.int64)]
    return codes


def title_collision_rate(titles: NDArray[Any]) -> float:
    """Share of the distinct words of the titles [n] that share a code with another word; 0 without words."""
    words = set(_words(titles).flatten().to_pylist()) - {""}
    codes = np.array([_bucket(word) for word in words], np.int64)
    return float((np.bincount(codes)[codes] > 1).mean()) if len(codes) else 0.0


def _words(titles: NDArray[Any]) -> pa.ListArray:
    """[n] lists of words in small letters; a title without any is one empty word."""
    plain = pc.replace_substring_regex(pc.utf8_lower(pa.array(titles, pa.string())), _NO_WORD, " ")
    return pc.split_pattern(pc.utf8_trim(plain, " "), " ")


def _bucket(word: str) -> int:
    return 1 + ids.number(word) % (TITLE_BUCKETS - 1) if word else 0
