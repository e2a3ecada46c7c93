"""Names of keys, as people read them."""

import pyarrow as pa

from homefeed import ids
from models.names import NO_NAMES, names_of


def test_names_of_a_catalogue_and_its_viewers() -> None:
    catalogue = pa.table(
        {"channel": [7, 7, 8], "channel_id": ["seven", "seven", None], "topics": [["chess", "go"], None, ["chess"]]}
    )
    users = pa.table({"country": pa.array(["DE", None, "DE"])})
    names = names_of(catalogue, users)
    assert names.channel(7) == "seven"
    assert names.topic(ids.key("go")) == "go"
    assert names.country(ids.key("DE")) == "DE"
    assert (len(names.channels), len(names.topics), len(names.countries)) == (1, 2, 1)


def test_a_key_without_a_name() -> None:
    assert (NO_NAMES.country(0), NO_NAMES.topic(255)) == ("unknown", "#ff")
