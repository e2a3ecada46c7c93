"""G12: the release answers in time, whole and within its memory at 1.5 times the peak, and refuses what is too much."""

import math
from typing import Any

from homefeed.settings.rollout import RolloutSettings
from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.look import Look

_NAMES = ("load_p99", "load_failed", "load_memory", "load_shed")


def load(look: Look) -> list[Check]:
    """`load_p99`, `load_failed` and `load_memory` at 1.5 times `rollout.load_peak`, `load_shed` at 3 times, of the
    newest load test of the release; nothing where `rollout.load_test` is off."""
    knobs = look.settings.rollout
    if not knobs.load_test:
        return []
    found = look.registry.report("load", look.release.id)
    if found is None:
        why = "no load test of this release: task `load_test` of deploy_release makes one"
        return [waiting(name, why) for name in _NAMES]
    return load_checks(found.summary, knobs, found.path)


def load_checks(found: dict[str, Any], knobs: RolloutSettings, evidence: str = "") -> list[Check]:
    """From the figures of a load test (`serving.load_test.LoadTest`)."""
    pages, shed = int(found["pages"]), int(found["shed_pages"])
    rate, over = f"{found['pages_per_s']:g} pages/s", f"{found['shed_pages_per_s']:g} pages/s"
    if not pages or not shed:
        return [waiting(name, "the load test asked for no page") for name in _NAMES]
    p99 = found["p99_ms"]
    refused = f"{found['shed_served']} answered, {found['shed_refused']} refused"

    def check(name: str, value: float | None, bound: float, num: int, detail: str) -> Check:
        # A number that is none was measured of nothing: that is a failure under load, not missing data.
        is_within = value is not None and not math.isnan(value) and value <= bound
        shown = value if value is not None and math.isfinite(value) else None
        verdict = Verdict.PASS if is_within else Verdict.FAIL
        return Check(name, verdict, value=shown, bound=bound, num_samples=num, detail=detail, evidence=evidence)

    return [
        check("load_p99", p99, knobs.load_p99_ms, pages, f"99th percentile of a page at {rate} [ms]"),
        check("load_failed", float(found["failed"]), 0.0, pages, f"requests without a page at {rate}"),
        check("load_memory", found["rss_gib"], knobs.load_rss_gib, pages, f"resident memory at {rate} [GiB]"),
        check(
            "load_shed",
            float(found["shed_failed"]),
            0.0,
            shed,
            f"requests neither answered nor refused at {over}: {refused}",
        ),
    ]
