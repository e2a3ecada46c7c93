"""What a person may do about alerts by hand: silence them for a while, end a silence, resolve one."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from homefeed.errors import HomefeedError
from homefeed.registry import Alert, Silence, open_registry
from homefeed.settings import Settings
from monitoring.alerts.rules import load_rules

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
#: A silence that outlives whoever made it hides the next fault.
_LONGEST = timedelta(days=30)


class AlertOrderError(HomefeedError):
    """An alert or a silence is not named as it must be."""


def silence(
    settings: Settings, rule: str, labels: Mapping[str, str], lasting: str, who: str, reason: str, now: datetime
) -> Silence:
    """Tell nobody of alerts that match, for a while. They still count, and still hold promotions.

    Args:
      settings: the settings tree.
      rule: a rule, or a shell pattern that fits several.
      labels: label -> shell pattern; all must fit.
      lasting: how long, such as `30m`, `2h` or `1d`.
      who, reason: kept with it.
      now: time of the order.

    Raises:
      AlertOrderError: no rule is named so, the time is none, or no reason is given.
    """
    _need(reason)
    # A pattern that fits no rule would silence nothing, and nobody would notice.
    names = [known.name for known in load_rules(settings.alerts.rules_file)]
    if not any(fnmatchcase(name, rule) for name in names):
        raise AlertOrderError(f"no rule is named {rule!r}; rules are {', '.join(names)}")
    log = open_registry(settings.resolved_registry_url).alerts
    return log.silence({"rule": rule, **labels}, now, now + _duration(lasting), who, reason)


def end_silence(settings: Settings, silence_id: str, now: datetime) -> Silence:
    """End a silence now. Raises RegistryError when there is none of that id in force."""
    if not silence_id.isdecimal():
        raise AlertOrderError(f"ending takes the id of a silence, not {silence_id!r}; `homefeed alert list` shows them")
    return open_registry(settings.resolved_registry_url).alerts.end_silence(int(silence_id), now)


def resolve(settings: Settings, alert_id: int, who: str, reason: str, now: datetime) -> Alert:
    """Close an alert. Raises RegistryError when there is none of that id that fires."""
    _need(reason)
    return open_registry(settings.resolved_registry_url).alerts.close(alert_id, now, who, reason)


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if found is None:
        raise AlertOrderError(f"{text!r} is no time: say how long as 30m, 2h or 1d")
    lasting = int(found[1]) * _UNITS[found[2]]
    if not timedelta() < lasting <= _LONGEST:
        raise AlertOrderError(
            f"{text!r} is longer than {_LONGEST.days} days, or nothing: a silence that is forgotten hides a fault"
        )
    return lasting


def _need(reason: str) -> None:
    if not reason.strip():
        raise AlertOrderError("an order needs a reason: say in one sentence why, for whoever reads it later")
