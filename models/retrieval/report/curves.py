"""The curves of a training: loss and recall by pass, recall by length of the list."""

from typing import Any

from models.report.charts import Line, line_chart
from models.report.section import card, not_measured, section


def learning(metrics: dict[str, Any]) -> str:
    """Loss and validation recall of every pass."""
    kept, popular = metrics["epochs"], metrics["validation_popularity_recall_at_100"]
    # A training that goes on from another was looked at before its first pass too.
    first = 1 + len(metrics["losses"]) - len(metrics["validations"])
    losses, validations = _by_pass(metrics["losses"], 1), _by_pass(metrics["validations"], first)
    ticks = [float(number) for number in range(first, len(metrics["losses"]) + 1)]
    loss = not_measured("no watch of any pass weighed anything")
    if losses:
        loss = line_chart([Line("mean loss", losses, marked=kept)], x_name="pass", ticks=ticks, from_zero=False)
    recall = not_measured("the validation windows hold no watch that counts")
    if validations:
        lines = [Line("towers", validations, marked=kept)]
        if popular is not None:
            ends = [(ticks[0], popular), (ticks[-1], popular)] if len(ticks) > 1 else [(ticks[0], popular)]
            lines.append(Line("popularity", ends, style="rival"))
        recall = line_chart(lines, x_name="pass", ticks=ticks)
    return section(
        "How it learned",
        f"One pass goes once over all training watches{'; 0 is the training that it went on from' * (first == 0)}. The "
        f"larger dot is pass {kept}, which was kept because it had the best recall on validation.",
        '<div class="cards">'
        + card("Training loss", "Surprise at what was watched next, in nats; lower is better.", loss)
        + card("Recall@100 on validation", "Share of watches that a list of 100 holds; higher is better.", recall)
        + "</div>",
    )


def recall_by_length(metrics: dict[str, Any]) -> str:
    """Recall by k against popularity, on the holdout windows."""
    own, popular = metrics["recall_at_k"], metrics["popularity_recall_at_k"]
    # A list as long as the catalogue holds everything, which says nothing.
    lengths = [k for k in own if int(k) < metrics["videos"]]
    heading = "Recall by length of the list"
    sentence = (
        "Share of the held-out watches that are among the first k videos, for short lists on the left and long ones on "
        "the right (logarithmic). The shade is the 95 % interval over viewers."
    )
    if not lengths:
        reason = f"a list of one video holds the whole catalogue of {metrics['videos']}"
        return section(heading, sentence, not_measured(reason))
    if own[lengths[0]] is None:
        return section(heading, sentence, not_measured("the holdout windows hold no watch that counts"))
    intervals = metrics["recall_at_k_interval"]
    band = [(float(k), *intervals[k]) for k in lengths if intervals[k]]
    lines = [
        Line("towers", [(float(k), own[k]) for k in lengths], band=band),
        Line("popularity", [(float(k), popular[k]) for k in lengths], style="rival"),
    ]
    chart = line_chart(lines, x_name="length k of the list", ticks=[float(k) for k in lengths], is_log=True)
    rows = "".join(
        f"<tr><td>{int(k):,}</td><td>{own[k]:.4f}{_interval(intervals[k])}</td><td>{popular[k]:.4f}</td>"
        f"<td>{_times(own[k], popular[k])}</td></tr>"
        for k in lengths
    )
    table = f"<table><tr><th>k</th><th>towers</th><th>popularity</th><th>ratio</th></tr>{rows}</table>"
    return section(heading, sentence, f'<div class="cards"><div class="card">{chart}</div><div>{table}</div></div>')


def _by_pass(values: list[float | None], first: int) -> list[tuple[float, float]]:
    return [(float(number), value) for number, value in enumerate(values, first) if value is not None]


def _interval(bounds: list[float] | None) -> str:
    return "" if bounds is None else f" <small>({bounds[0]:.3f} to {bounds[1]:.3f})</small>"


def _times(own: float, popular: float) -> str:
    return f"{own / popular:.2f}" if popular else "popularity found none"
