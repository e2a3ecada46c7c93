"""The outbox: messages wait in the registry until their sink takes them, in order, with growing waits in between."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby

from homefeed.registry import AlertLog, Delivery
from homefeed.settings import Settings
from monitoring.alerts.message import Message
from monitoring.alerts.sinks import RefusedError, Sink

_logger = logging.getLogger(__name__)


def deliver(
    settings: Settings, log: AlertLog, sinks: Mapping[str, Sink], now: datetime, firing: Message | None = None
) -> int:
    """Try what is due, sink by sink; a sink that fails keeps the order of its messages and holds up no other.

    Args:
      settings: `alerts.backoff_s` and `alerts.max_backoff_s`.
      log: holds the outbox.
      sinks: by name. A message to one that is not here is refused: nobody would ever take it.
      now: time of the attempt. A next attempt that lies further ahead than the longest wait, because the clock was
        set back, is due.
      firing: everything that fires, for sinks that forget; they get it when they have no message waiting.

    Returns:
      How many messages were delivered.
    """
    num = 0
    waiting = {sink: list(rows) for sink, rows in groupby(sorted(log.outbox(), key=_order), lambda row: row.sink)}
    for name, rows in waiting.items():
        if name not in sinks:
            for row in rows:
                log.note_delivery(row.id, error=f"no sink {name} is configured any more", refused=now)
            continue
        for row in rows:
            if not _try(settings, log, sinks[name], row, now):
                break
            num += 1
    for name, sink in sinks.items():
        if sink.forgets and firing is not None and name not in waiting:
            num += _refresh(settings, log, name, sink, firing, now)
    return num


def _order(row: Delivery) -> tuple[str, int]:
    return row.sink, row.id


def _try(settings: Settings, log: AlertLog, sink: Sink, row: Delivery, now: datetime) -> bool:
    """True when the next message of the sink may be tried."""
    longest = timedelta(seconds=settings.alerts.max_backoff_s)
    if now < row.next_at <= now + longest or not log.claim(row, now + _wait(settings, row.attempts)):
        return False
    try:
        sink.send(row.message, now)
    except RefusedError as error:
        _logger.error("%s refused a message for good: %s", row.sink, error)
        log.note_delivery(row.id, error=str(error), refused=now)
        return True
    except Exception as error:  # whatever is wrong with one sink, the others go on and this one is tried again
        _logger.warning("%s did not take a message, attempt %d: %s", row.sink, row.attempts + 1, error)
        log.note_delivery(row.id, error=f"{type(error).__name__}: {error}")
        return False
    log.note_delivery(row.id, delivered=now)
    return True


def _refresh(settings: Settings, log: AlertLog, name: str, sink: Sink, firing: Message, now: datetime) -> int:
    """Tell a sink again; only when it fails the message goes to the outbox, where the failure is seen."""
    try:
        sink.send(firing, now)
    except Exception as error:
        _logger.warning("%s did not take what fires: %s", name, error)
        log.queue(name, firing, now, now + _wait(settings, 0), str(error))
        return 0
    return 1


def _wait(settings: Settings, attempts: int) -> timedelta:
    knobs = settings.alerts
    return timedelta(seconds=min(knobs.backoff_s * 2.0 ** min(attempts, 30), knobs.max_backoff_s))
