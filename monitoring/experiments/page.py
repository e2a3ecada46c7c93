"""The result of an experiment as one HTML page: who tried what and when, what to believe, and each chart."""

from html import escape
from pathlib import Path

from homefeed.registry import Experiment, Registry
from homefeed.report_page import document
from homefeed.settings import Settings
from models.report.section import STYLE
from monitoring.experiments import effects, preference
from monitoring.experiments.interleaving import Interleaved
from monitoring.experiments.reading import Reading

KIND = "experiment"


def write_page(settings: Settings, registry: Registry, experiment: Experiment, reading: Reading | Interleaved) -> Path:
    """Write `reports/experiment/<name>/index.html` and enter it among the registry's reports."""
    folder = settings.reports_path / KIND / experiment.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    if isinstance(reading, Interleaved):
        body, summary = preference.preference(reading), preference.summary(reading)
    else:
        body, summary = effects.effects(reading), effects.summary(reading)
    path.write_text(document(f"Experiment {experiment.name}", _head(experiment) + body, STYLE))
    registry.add_report(KIND, reading.last, experiment.name, path, summary)
    return path


def _head(experiment: Experiment) -> str:
    ended = f", stopped {experiment.stopped:%Y-%m-%d %H:%M}" if experiment.stopped else ", running"
    tried = " against ".join(experiment.releases) or experiment.layer
    reason = f"<p>{escape(experiment.reason)}</p>" if experiment.reason else ""
    return (
        f"<h1>Experiment {escape(experiment.name)}</h1>{reason}"
        f"<p>Started {experiment.started:%Y-%m-%d %H:%M} UTC by {escape(experiment.started_by)}{ended} · "
        f"{escape(tried)}</p>"
    )
