"""Events on their way in: durable before anyone is told so, and beside the online store for the viewer's next page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from serving import metrics
from serving.recent import Recent


class UnwritableEventError(HomefeedError):
    """An event cannot be written as a line of JSON; none of the batch was taken."""


class EventIntake:
    """Takes batches from any thread.

    Args:
      settings: where the event log is.
      recent: what viewers did since their row was made.
    """

    def __init__(self, settings: Settings, recent: Recent) -> None:
        from homefeed.ingest.event_log import EventLog

        self._log, self._recent = EventLog(settings.events_path), recent

    def accept(self, events: Sequence[Any], arrival: datetime) -> int:
        """Make events durable; returns how many.

        Raises:
          EventLogError: the disk does not take them.
          UnwritableEventError: one holds what JSON of this platform cannot.
        """
        self._log.append(list(map(_line, range(len(events)), events)), arrival)
        self._recent.offer(events, arrival)
        metrics.EVENTS.inc(len(events))
        return len(events)


def _line(number: int, event: Any) -> bytes:
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError as error:
        raise UnwritableEventError(f"events.{number}: {error}") from error
