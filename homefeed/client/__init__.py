"""The client of a site's engineers: asks the service for pages and hands it what viewers saw and did.

It imports httpx and orjson, and nothing of the platform.
"""

from homefeed.client.answers import Page, ServiceState, Slot
from homefeed.client.calls import Client
from homefeed.client.errors import BusyError, ClientError, RefusedError, ServiceFaultError, UnreachableError
from homefeed.client.events import Event, feedback, impression, watch

__all__ = [
    "BusyError",
    "Client",
    "ClientError",
    "Event",
    "Page",
    "RefusedError",
    "ServiceFaultError",
    "ServiceState",
    "Slot",
    "UnreachableError",
    "feedback",
    "impression",
    "watch",
]
