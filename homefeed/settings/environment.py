"""A settings tree as environment variables: how a process gives its settings to a child."""

import json
from typing import Any

from pydantic import BaseModel, SecretStr

from homefeed.settings import Settings


def environment(settings: Settings) -> dict[str, str]:
    """`HOMEFEED_*` variables from which `load()` reads `settings` again; paths become absolute."""
    return _variables(settings, "HOMEFEED_")


def _variables(group: BaseModel, prefix: str) -> dict[str, str]:
    variables: dict[str, str] = {}
    for name in type(group).model_fields:
        value: Any = getattr(group, name)
        key = f"{prefix}{name.upper()}"
        if isinstance(value, BaseModel):
            variables |= _variables(value, f"{key}__")
        elif value is not None:
            variables[key] = str(value.absolute()) if hasattr(value, "absolute") else _text(value)
    return variables


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, str) else json.dumps(value)
