"""Settings: one frozen tree, from the environment, every knob described once and listed in the docs."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from homefeed.settings import Settings, SettingsError, load
from homefeed.settings.group import Group

ROOT = Path(__file__).parents[2]


def test_a_variable_sets_its_knob(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFEED_SERVING__PORT", "3999")
    monkeypatch.setenv("HOMEFEED_VAR", "elsewhere")
    settings = load()
    assert settings.serving.port == 3999
    assert settings.lake_path == Path("elsewhere/lake")


@pytest.mark.parametrize(
    ("variable", "value"), [("HOMEFEED_SERVING__PORT", "many"), ("HOMEFEED_ROLLOUT__CANARY_SHARE", "2")]
)
def test_a_value_that_cannot_be_used_names_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}: .*{value}"):
        load()


def test_an_unknown_knob_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFEED_SERVING__PROT", "3999")
    with pytest.raises(SettingsError, match="PROT"):
        load()


def test_settings_do_not_change_after_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().serving.port = 1


def test_every_knob_has_a_sentence_and_stands_in_the_docs() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Group):
            for knob, knob_field in group.model_fields.items():
                assert knob_field.description, f"{name}.{knob}"
                assert f"`HOMEFEED_{name.upper()}__{knob.upper()}`" in page
        else:
            assert f"`HOMEFEED_{name.upper()}`" in page
