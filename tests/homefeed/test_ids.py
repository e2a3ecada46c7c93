"""Keys: the same wherever they are computed."""

import pyarrow as pa
import pytest

from homefeed import ids


def test_a_column_has_the_keys_of_its_ids() -> None:
    column = ids.keys(pa.array(["viewer-1", "ü", None]))
    assert column.to_pylist() == [ids.key("viewer-1"), ids.key("ü"), None]


def test_a_key_never_changes() -> None:
    # md5("a") = 0cc175b9c0f1b6a8 31c399e269772661; the lower half, last byte first, >> 1.
    assert ids.key("a") == 0x61267769E299C331 >> 1
    assert 0 <= ids.key("a") < 2**63


@pytest.mark.parametrize("identifier", ["", "x" * 65, "ü" * 33])
def test_an_id_has_1_to_64_bytes(identifier: str) -> None:
    with pytest.raises(ValueError, match="1 to 64 bytes"):
        ids.key(identifier)


def test_the_longest_id_is_allowed() -> None:
    assert ids.key("ü" * 32) != ids.key("x" * 64)
