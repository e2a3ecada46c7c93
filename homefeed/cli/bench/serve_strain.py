"""What `homefeed bench serve` does to the service: more pages than it can make, and another release meanwhile."""

import time

import numpy as np

from homefeed.cli.bench.serve_service import Service

MEANING = {
    "overload_pages_per_s": "Pages a second that arrived in the overload: five times those sustained, for a minute.",
    "overload_served_share": "Pages a second that were answered then, over those sustained.",
    "overload_served_p99_ms": "99th percentile of the time of those.",
    "overload_refused_p99_ms": "99th percentile of the time until the others were refused.",
    "overload_failed": "Requests that got neither a page nor a refusal.",
    "recovery_s": "Seconds after the overload until the slowest of ten pages in a row is as fast as p99 before it.",
    "swap_s": "Seconds from the registry's naming another release until it answers.",
    "swap_failed": "Requests meanwhile that got no page, at half of the pages sustained.",
    "swap_before_p99_ms": "99th percentile of the time of a page before, at the same rate.",
    "swap_p99_ms": "99th percentile of it meanwhile.",
    "swap_ratio": "The second over the first.",
    "swap_rss_gib": "Resident memory of the service then: the release before stays, for a rollback.",
}
_TIMES, OVERLOAD_S = 5.0, 60.0
BEFORE_S, MOST_S, AFTER_S = 15.0, 180.0, 5.0
_STREAK, GIVEN_UP_S = 10, 60.0


def overload(service: Service, pages_per_s: float) -> dict[str, float]:
    """Five times what is sustained, for a minute, and how long it is felt."""
    calm = service.load.open(pages_per_s, 5.0).result().ms(0.99)
    answers = service.load.open(_TIMES * pages_per_s, OVERLOAD_S).result()
    ended = time.perf_counter()
    slowest = np.inf
    while slowest > calm and time.perf_counter() - ended < GIVEN_UP_S:
        slowest = service.load.closed(1, _STREAK).ms(1.0)
    return {
        "overload_pages_per_s": _TIMES * pages_per_s,
        "overload_served_share": answers.served / answers.seconds / pages_per_s,
        "overload_served_p99_ms": answers.ms(0.99),
        "overload_refused_p99_ms": answers.ms(0.99, 429),
        "overload_failed": float((~np.isin(answers.status, (200, 429))).sum()),
        "recovery_s": time.perf_counter() - ended,
    }


def swap(service: Service, pages_per_s: float, release: str) -> dict[str, float]:
    """Name another release live while pages arrive at half of what is sustained."""
    from datetime import UTC, datetime

    from homefeed.registry import Stage, open_registry

    arrivals = service.load.open(pages_per_s / 2, BEFORE_S + MOST_S + AFTER_S)
    began = time.perf_counter()
    time.sleep(BEFORE_S)
    registry = open_registry(service.settings.resolved_registry_url)
    named = time.perf_counter()
    registry.move(release, Stage.LIVE, datetime.now(UTC), [])
    while service.get("/release")["live"]["release"] != release and time.perf_counter() - named < MOST_S:
        time.sleep(0.5)
    swapped = time.perf_counter()
    time.sleep(AFTER_S)
    service.load.end()
    answers = arrivals.result()
    # The load's process begins a little later than it is asked to: the first seconds are of no part.
    before = answers.within(2.0, named - began)
    during = answers.within(named - began, swapped - began + AFTER_S)
    return {
        "swap_s": swapped - named,
        "swap_failed": float((during.status != 200).sum()),
        "swap_before_p99_ms": before.ms(0.99),
        "swap_p99_ms": during.ms(0.99),
        "swap_ratio": during.ms(0.99) / before.ms(0.99),
        "swap_rss_gib": service.rss_gib(),
    }
