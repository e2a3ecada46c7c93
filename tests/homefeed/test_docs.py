"""The generated pages are what the code says, and their samples are valid."""

import importlib
from pathlib import Path

from homefeed.cli.bench import BENCHES
from homefeed.schema import EVENTS, page
from homefeed.settings.page import page as settings_page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_generated_pages_are_up_to_date() -> None:
    assert (DOCS / "events.md").read_text() == page.page(), "run `make docs`"
    assert (DOCS / "settings.md").read_text() == settings_page(), "run `make docs`"


def test_every_result_of_every_benchmark_is_explained() -> None:
    explained = (DOCS / "benchmarks.md").read_text()
    for name in BENCHES:
        meaning = importlib.import_module(f"homefeed.cli.bench.{name.replace('-', '_')}").MEANING
        missing = [result for result in meaning if f"`{result}`" not in explained]
        assert not missing, f"docs/benchmarks.md does not explain {missing} of `homefeed bench {name}`"


def test_every_sample_has_every_field_and_known_values() -> None:
    for event_type, columns in EVENTS.items():
        sample = page.sample(event_type)
        for column in columns:
            value = sample[column.name]
            assert value is not None, f"{event_type}.{column.name}"
            assert not column.choices or value in column.choices
