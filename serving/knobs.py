"""The knobs that can be turned while the service runs: `var/serving/knobs.json`."""

from pathlib import Path

import orjson

from homefeed.errors import HomefeedError
from homefeed.settings import Settings

KNOBS = "knobs.json"


def exploration_of(settings: Settings) -> float:
    """Share of discovery slots: the turned one, or that of the settings. Raises HomefeedError when it is no share."""
    file: Path = settings.serving_path / KNOBS
    turned = orjson.loads(file.read_bytes()) if file.exists() else {}
    exploration = float(turned.get("exploration", settings.serving.exploration))
    if not 0 <= exploration <= 1:
        raise HomefeedError(f"{file}: exploration is a share between 0 and 1, not {exploration}")
    return exploration
