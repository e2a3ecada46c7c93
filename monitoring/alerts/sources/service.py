"""Whether the service answers, seen from outside of it."""

from datetime import datetime

import httpx

from homefeed.registry import Registry
from homefeed.settings import Settings
from monitoring.alerts.reading import Measurement


def service(settings: Settings, registry: Registry, now: datetime) -> list[Measurement]:
    """`unreachable`: 1 when `/readyz` of `alerts.service_url` gives no 200; None before the first live release, and
    when the URL is empty."""
    url = settings.alerts.service_url
    if not url or registry.first_live_at() is None:
        return [Measurement("unreachable", {}, None)]
    try:
        answer = httpx.get(f"{url.rstrip('/')}/readyz", timeout=settings.alerts.sink_timeout_s)
        why = "" if answer.status_code == 200 else f"it answered {answer.status_code}"
    except httpx.HTTPError as error:
        why = f"{type(error).__name__}: {error}"
    return [Measurement("unreachable", {}, float(bool(why)), done=why and f"GET {url}/readyz: {why}.")]
