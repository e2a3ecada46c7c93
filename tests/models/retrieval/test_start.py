"""A training goes on from the one before it, and starts anew once a day."""

import json
from pathlib import Path

import pytest

from homefeed.settings import Settings, load
from homefeed.settings.retrieval import RetrievalSettings
from models import start
from models.retrieval.start import shape_digest, start_of
from models.training import FILE

HOUR = 3


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(var=tmp_path, retrieval=RetrievalSettings(full_training_hour=HOUR))


def published(settings: Settings, window: str, full_window: str | None = None, digest: str | None = None) -> None:
    path = settings.models_path / "retrieval" / f"{window}-abc"
    path.mkdir(parents=True)
    record = {
        "kind": "retrieval",
        "id": path.name,
        "path": str(path),
        "window": window,
        "windows": [window, window],
        "versions": {},
        "metrics": {},
        "settings_digest": shape_digest(settings) if digest is None else digest,
        "full_window": full_window or window,
    }
    (path / FILE).write_text(json.dumps(record))


def begins(settings: Settings, window: str) -> str | None:
    found = start_of(settings, window)
    return found.window if found else None


def test_the_first_training_starts_anew(settings: Settings) -> None:
    assert begins(settings, "20261123T1150Z") is None


def test_the_newest_one_before_the_window_is_gone_on_from(settings: Settings) -> None:
    for window in ("20261123T0950Z", "20261123T1050Z", "20261123T1150Z"):
        published(settings, window, "20261123T0950Z")
    # Also when a later one exists already: an hour that is run again starts where it did.
    assert begins(settings, "20261123T1150Z") == "20261123T1050Z"


def test_a_draft_is_no_start(settings: Settings) -> None:
    published(settings, "20261123T0950Z")
    path = settings.models_path / "retrieval" / "20261123T0950Z-abc"
    path.rename(path.with_name(path.name + ".draft"))
    assert begins(settings, "20261123T1050Z") is None


def test_other_settings_start_anew(settings: Settings) -> None:
    published(settings, "20261123T0950Z", digest="other")
    assert begins(settings, "20261123T1050Z") is None


def test_a_training_that_read_other_numbers_is_not_gone_on_from(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(settings, "20261123T0950Z")
    assert begins(settings, "20261123T1050Z") == "20261123T0950Z"
    named = start.made_from(settings.retrieval, {"exposures": 3}, 1, None)
    assert named == start.made_from(settings.retrieval, {"exposures": 3}, 1, None)
    monkeypatch.setattr(start, "READS", start.READS + 1)
    assert begins(settings, "20261123T1050Z") is None
    # It does not take the place, and the release, of one of the same window that did.
    assert start.made_from(settings.retrieval, {"exposures": 3}, 1, None) != named


@pytest.mark.parametrize(
    ("full", "window", "is_anew"),
    [
        # Within the day that begins at three in the morning.
        ("20261123T0950Z", "20261124T0240Z", False),
        # The window that ends at three is the first of the next one, also when that hour's training comes late.
        ("20261123T0950Z", "20261124T0250Z", True),
        ("20261123T0950Z", "20261124T0750Z", True),
        # Started anew at three: not again at four.
        ("20261124T0250Z", "20261124T0350Z", False),
    ],
)
def test_once_a_day_it_starts_anew(settings: Settings, full: str, window: str, is_anew: bool) -> None:
    published(settings, full)
    assert begins(settings, window) == (None if is_anew else full)
