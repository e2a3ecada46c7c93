"""Today is not what the release was made for: reported, and held when it is extreme."""

from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.drift import NotMeasured, measure_drift
from monitoring.look import Look


def drift(look: Look) -> list[Check]:
    """`feature_drift`: share of the features that drifted. `prediction_drift`: distance of the predicted watches."""
    rows, knobs = look.rows, look.settings.rollout
    assert look.candidate.bundle is not None
    folder = look.settings.reports_path / "gates" / look.release.id / look.window
    found = measure_drift(look.settings, look.candidate.bundle, rows, look.candidate.heads(rows), folder)
    if isinstance(found, NotMeasured):
        return [waiting(name, found.reason, len(rows)) for name in ("feature_drift", "prediction_drift")]
    summary = {"drifted": found.drifted, "distances": found.distances}
    look.registry.add_report("drift", look.window, look.release.id, found.html, summary)
    named = ", ".join(found.drifted[:5]) or "none"
    return [
        Check(
            name,
            Verdict.PASS if value <= bound else Verdict.WAIT,
            value=value,
            bound=bound,
            num_samples=found.num_current,
            detail=detail + ("" if value <= bound else ": extreme, held"),
            evidence=str(found.html),
        )
        for name, value, bound, detail in (
            (
                "feature_drift",
                found.drifted_share,
                knobs.max_drifted_share,
                f"share of features that drifted ({named})",
            ),
            ("prediction_drift", found.prediction, knobs.max_prediction_drift, "distance of the predicted watches"),
        )
    ]
