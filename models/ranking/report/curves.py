"""The curves of the watched head beside its rivals', and its lift."""

from typing import Any

from models.ranking.report.measure_text import interval
from models.report.charts import Line, line_chart
from models.report.section import card, not_measured, section

_TENTHS = [number / 5 for number in range(6)]


def curves(evaluation: dict[str, Any]) -> str:
    """Precision-recall and ROC curve with the operating point."""
    measures, threshold = evaluation["watched"]["measures"], evaluation["threshold"]
    own = evaluation["curves"]
    if not own["pr"]:
        reason = measures["roc_auc"]["reason"]
        return section("What it finds, and at what price", "Curves of the watched head.", not_measured(reason))
    rate = evaluation["watched"]["num_positives"] / evaluation["watched"]["num_exposures"]
    pr = [_line("ranker", own["pr"]), *_rivals(evaluation, "pr"), Line("chance", [(0.0, rate), (1.0, rate)], "chance")]
    pr += _operating_point(measures)
    even = Line("chance", [(0.0, 0.0), (1.0, 1.0)], "chance", is_dotted=False)
    roc = [_line("ranker", own["roc"]), *_rivals(evaluation, "roc"), even]
    point = (
        not_measured("validation held no watch to choose it by")
        if threshold is None
        else f"Operating point {threshold:.3f}, chosen on validation for the greatest F1: precision "
        f"{interval(measures['precision'])}, recall {interval(measures['recall'])}, F1 {interval(measures['f1'])}."
    )
    return section(
        "What it finds, and at what price",
        "The watched head on all held-out exposures. A curve further up is better.",
        '<div class="cards">'
        + card(
            "Precision and recall",
            "Upwards the share of the chosen that was watched; to the right the share of the watched that was chosen.",
            line_chart(pr, x_name="recall", ticks=_TENTHS) + f"<p>{point}</p>",
        )
        + card(
            "ROC",
            "Upwards the share of the watched that was chosen; to the right the share of the missed that was.",
            line_chart(roc, x_name="false positive rate", ticks=_TENTHS)
            + f"<p>Area {interval(measures['roc_auc'])}; of precision and recall {interval(measures['pr_auc'])}.</p>",
        )
        + "</div>",
    )


def lift(groups: list[dict[str, Any]]) -> str:
    """Watched share by tenth of the predictions, over that of all."""
    heading = "Lift"
    sentence = (
        "Exposures in tenths by what the watched head promised, the lowest on the left: how many times the average "
        "rate they were watched. The shade is the 95 % interval over viewers; a good ranker rises steeply at the right."
    )
    if not groups or groups[0]["lift"] is None:
        return section(heading, sentence, not_measured("nothing was watched"))
    points = [(float(at), group["lift"]) for at, group in enumerate(groups, 1)]
    band = [(float(at), g["lift_low"], g["lift_high"]) for at, g in enumerate(groups, 1) if g["lift_low"] is not None]
    even = Line("average", [(1.0, 1.0), (float(len(groups)), 1.0)], "chance", is_dotted=False)
    chart = line_chart(
        [Line("ranker", points, band=band or None), even],
        x_name=f"group of predictions, of {len(groups)}",
        ticks=[point[0] for point in points],
    )
    rows = "".join(
        f"<tr><td>{at}</td><td>{g['num_exposures']:,}</td><td>{g['predicted']:.4f}</td><td>{g['observed']:.4f}</td>"
        f"<td>{g['lift']:.2f}</td></tr>"
        for at, g in enumerate(groups, 1)
    )
    head = "<tr><th>group</th><th>exposures</th><th>promised</th><th>observed</th><th>lift</th></tr>"
    body = f'<div class="cards"><div class="card">{chart}</div><div><table>{head}{rows}</table></div></div>'
    return section(heading, sentence, body)


def learning(history: list[float], kept: int, first: int = 1) -> str:
    """Normalised entropy on validation of every pass; 0 is before the first one."""
    points = [(float(number), value) for number, value in enumerate(history, first)]
    chart = line_chart(
        [Line("ranker", points, marked=float(kept))],
        x_name="pass",
        ticks=[point[0] for point in points],
        from_zero=False,
    )
    sentence = (
        f"Normalised entropy of the watched head on validation after every pass, before calibration; lower is better. "
        f"Pass {kept}, the larger dot, was kept."
    )
    return section("How it learned", sentence, f'<div class="cards"><div class="card">{chart}</div></div>')


def _line(name: str, points: list[list[float]], style: str = "own") -> Line:
    return Line(name, [(x, y) for x, y in points], style, is_dotted=False)


def _rivals(evaluation: dict[str, Any], kind: str) -> list[Line]:
    return [
        _line(rival["title"], rival["curves"][kind], "rival" if rival["name"] == "tree" else "live")
        for rival in evaluation["rivals"]
        if "curves" in rival and rival["curves"][kind]
    ]


def _operating_point(measures: dict[str, Any]) -> list[Line]:
    recall, precision = measures["recall"]["estimate"], measures["precision"]["estimate"]
    if recall is None or precision is None:
        return []
    return [Line("operating point", [(recall, precision)], "point", marked=recall)]
