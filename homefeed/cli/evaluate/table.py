"""The result of an evaluation for people."""

import math
from typing import Any

from rich.console import Group
from rich.table import Table

#: Count -> what it means, where it is not zero: who and what could not be found by anybody.
_NOTES = {
    "users_without_test": "users have no test target: too few interactions, or none in the test",
    "users_without_history": "test users did nothing before: missed",
    "targets_not_in_training": "test targets are not in training: never recommended, missed",
    "targets_seen_before": "test targets had been seen by their user before: missed where seen items are removed",
}


def table(value: dict[str, Any]) -> Group:
    """Each recommender with its metrics and their 95 % intervals; what the data holds; what was missed by rule."""
    rows = {name: (result, result["intervals"]) for name, result in value["baselines"].items()}
    if value["model"] is not None:
        rows[value["model"]] = (value["metrics"], value["intervals"])
    names = list(next(iter(rows.values()))[1])
    measured = Table("recommender", *names, title=f"{value['format']}, {value['protocol']}, seed {value['seed']}")
    for name, (metrics, intervals) in rows.items():
        measured.add_row(name, *(_cell(metrics[metric], intervals[metric]) for metric in names))
    counts = value["counts"]
    held = (
        f"{counts['users']:,} users, {counts['items']:,} items, {counts['interactions']:,} interactions; "
        f"{counts['test_targets']:,} test targets of {counts['test_users']:,} users; {value['seconds']:.0f} s"
    )
    return Group(measured, held, *(f"- {counts[name]:,} {note}" for name, note in _NOTES.items() if counts[name]))


def _cell(value: float, interval: list[float]) -> str:
    low, high = interval
    return f"{value:.4f}" if math.isnan(low) else f"{value:.4f} ({low:.4f} to {high:.4f})"
