"""How one knob is declared: name, type, default, unit and one sentence, once."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Group(BaseModel):
    """A frozen group of knobs; an unknown name is an error, so a typing mistake is found at start."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def knob(default: Any, sentence: str, unit: str = "", **limits: Any) -> Any:
    """A setting: its default, one sentence for `docs/settings.md`, its unit, and pydantic limits such as `ge=0`."""
    return Field(default, description=sentence, json_schema_extra={"unit": unit}, **limits)
