"""One measure with its interval, as text and as a table's cell."""

from html import escape
from typing import Any

from models.report.section import not_measured

#: Measure -> what it is called, and what it says.
TITLES = {
    "roc_auc": ("ROC-AUC", "a watched video scores above a missed one, of all viewers together; 0.5 is chance"),
    "pr_auc": ("PR-AUC", "precision over all recalls; chance is the watched share"),
    "ne": ("normalised entropy", "below 1 is better than knowing only the rate; lower is better"),
    "calibration": ("calibration", "promised over observed; 1 is right"),
    "grouped_auc": ("AUC within viewers", "ROC-AUC of each viewer's exposures, weighted by how many they are"),
    "ndcg_at_100": ("NDCG@100", "1 when every watched video stands first on its page"),
    "watch_time_loss": (
        "watch-time loss",
        "watch time on pairs of a page in the wrong order; lower is better",
    ),
    "precision": ("precision", "of what reaches the operating point, the share that was watched"),
    "recall": ("recall", "of what was watched, the share that reaches the operating point"),
    "f1": ("F1", "harmonic mean of both"),
}
#: Measures of which less is better.
LOWER = ("ne", "watch_time_loss")


def interval(found: dict[str, Any], digits: int = 3) -> str:
    """`0.812 (0.801 to 0.823)`, or why there is no number; HTML."""
    if found["estimate"] is None:
        return not_measured(found["reason"])
    text = f"{found['estimate']:.{digits}f}"
    if found["low"] is None:
        return f"{text} <small>{not_measured(found['reason'])}</small>"
    return f"{text} <small>({found['low']:.{digits}f} to {found['high']:.{digits}f})</small>"


def judged_calibration(found: dict[str, Any], is_judged: bool = True) -> str:
    """A calibration, red when its interval leaves out 1; HTML."""
    if found["low"] is None or not is_judged:
        return interval(found)
    style = "good" if found["low"] <= 1 <= found["high"] else "bad"
    return f'<span class="{style}">{interval(found)}</span>'


def judged_gap(name: str, found: dict[str, Any]) -> str:
    """Own minus the rival's measure: green when the whole interval is better, red when it is worse; HTML."""
    if found["low"] is None:
        return interval(found, 4)
    sign = -1 if name in LOWER else 1
    ends = sorted((sign * found["low"], sign * found["high"]))
    style = "good" if ends[0] > 0 else "bad" if ends[1] < 0 else ""
    text = f"{found['estimate']:+.4f} <small>({found['low']:+.4f} to {found['high']:+.4f})</small>"
    return f'<span class="{style}">{text}</span>'


def cells(values: list[str]) -> str:
    """Table cells of HTML."""
    return "".join(f"<td>{value}</td>" for value in values)


def table(head: list[str], rows: list[str], style: str = "") -> str:
    """A table of plain headings and rows of HTML."""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f'<div class="wide"><table class="{style}"><tr>{names}</tr>{"".join(rows)}</table></div>'
