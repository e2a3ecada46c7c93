"""The references a run was started with, wherever they come from.

The scheduler starts a run with asset events, and several updates of an asset collapse into one run: a consumer
takes all of them. An operator starts a run by hand with a configuration such as `{"window": "20261123T2210Z"}`. The
headless runner plays the scheduler and passes `{"events": {<asset name>: [<extra>, ...]}}`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.sdk import Asset

Reference = dict[str, Any]


class ReferenceError(ValueError):
    """A run has nothing to work on; the message says how to start it by hand."""


def references(context: Mapping[str, Any], asset: Asset, key: str) -> list[Reference]:
    """Every reference to `asset` that the run was started with, oldest first.

    Args:
      context: the task's context.
      asset: the asset whose events are wanted.
      key: what each reference must hold; a configuration that holds it is itself one reference.

    Raises:
      ReferenceError: there is none.
    """
    conf = context["dag_run"].conf or {}
    triggering = context.get("triggering_asset_events") or {}
    found = [event.extra for name, events in triggering.items() if _name(name) == asset.name for event in events]
    found += conf.get("events", {}).get(asset.name, [])
    if key in conf:
        found.append(conf)
    found = [extra for extra in found if key in extra]
    if not found:
        raise ReferenceError(
            f"this run was started without any {asset.name}: start it with a configuration that holds {key!r}, "
            f'such as {{"{key}": ...}}'
        )
    return found


def collected(context: Mapping[str, Any], asset: Asset, key: str) -> list[str]:
    """What every reference lists under `key`, each once, in order."""
    return sorted({item for reference in references(context, asset, key) for item in reference[key]})


def newest(context: Mapping[str, Any], asset: Asset, key: str) -> Reference:
    """The reference with the greatest `window`: the older ones of a collapsed run are superseded."""
    return max(references(context, asset, key), key=lambda reference: reference.get("window", ""))


def scheduled_window(context: Mapping[str, Any], start: datetime | None) -> str:
    """The window of a run of the clock: `window` of its configuration, else the one that begins at `start`."""
    from homefeed.windows import window_of

    conf = context["dag_run"].conf or {}
    if "window" in conf:
        return str(conf["window"])
    if start is None:
        raise ReferenceError(
            'a run by hand names its window: start it with a configuration such as {"window": "20261123T2210Z"}'
        )
    return window_of(start)


def plain(value: Any) -> Any:
    """`value` as JSON would give it back: what an asset event can carry."""
    import orjson

    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY, default=str))


def _name(key: Any) -> str:
    return str(getattr(key, "name", key))
