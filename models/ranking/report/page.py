"""The report as one HTML page: each part has a heading, a sentence that says what is seen, and the numbers."""

from html import escape
from pathlib import Path
from typing import Any

from homefeed.report_page import document, tiles
from models.evaluation.viewer_sums import LENGTHS
from models.ranking.report.choice import choice
from models.ranking.report.curves import curves, learning, lift
from models.ranking.report.measure_text import TITLES, cells, interval, judged_gap, table
from models.ranking.report.reliability import reliability
from models.ranking.report.slice_table import slice_table
from models.report.section import STYLE, not_measured, section
from models.report.training import read_section

_STYLE = STYLE + (Path(__file__).parent / "ranking.css").read_text()
_TILES = ("ne", "roc_auc", "grouped_auc", "calibration", "ndcg_at_100", "watch_time_loss")


def page(content: dict[str, Any]) -> str:
    """The page of one training; `content` is that of `report.content`."""
    metrics, evaluation = content["metrics"], content["evaluation"]
    parts = [
        '<div class="eyebrow">Homefeed · training of the ranker</div>',
        f"<h1>{escape(content['id'])}</h1>",
        _lead(evaluation),
    ]
    if evaluation is not None:
        parts.append(_figures(evaluation["watched"]))
    parts += [_data(content)]
    if evaluation is not None:
        parts += [
            _rivals(evaluation),
            curves(evaluation),
            _orders(evaluation),
            choice(evaluation["choice"]),
            reliability(evaluation["heads"]),
            lift(evaluation["lift"]),
            slice_table(evaluation["watched"], evaluation["slices"]),
        ]
    first = 1 - (len(content["history"]) - metrics.get("passes", len(content["history"])))
    parts.append(learning(content["history"], metrics["epochs"], first))
    return document(f"Ranker {content['id']}", "".join(parts), _STYLE)


def _lead(evaluation: dict[str, Any] | None) -> str:
    if evaluation is None:
        return f'<p class="lead">{not_measured("the holdout windows hold no exposure")}</p>'
    ne, promised = (evaluation["watched"]["measures"][name] for name in ("ne", "calibration"))
    if ne["estimate"] is None:
        return f'<p class="lead">{not_measured(ne["reason"])}</p>'
    return (
        '<p class="lead">The ranker says how likely a viewer is to watch, finish, like or dismiss a video, and a page '
        f"is ordered by what it says. On windows it never saw it leaves <b>{100 * ne['estimate']:.1f} %</b> of the "
        "surprise of somebody who only knows how often videos are watched, and promises "
        f"<b>{promised['estimate']:.3f}</b> watches for each that happened.</p>"
    )


def _figures(overall: dict[str, Any]) -> str:
    figures = []
    for name in _TILES:
        found, (title, _) = overall["measures"][name], TITLES[name]
        bounds = "" if found["low"] is None else f", {found['low']:.3f} to {found['high']:.3f}"
        value = "not measured" if found["estimate"] is None else f"{found['estimate']:.3f}"
        figures.append((value, f"{title}{bounds}" if not found["reason"] else f"{title}: {found['reason']}"))
    return tiles(figures)


def _data(content: dict[str, Any]) -> str:
    told = {
        "training": "the weights learned from these",
        "validation": "chose the pass, the operating point and the calibration",
        "holdout": "never seen: every number on this page is of these",
    }
    metrics = content["metrics"]
    rows = (
        f"{metrics['train_rows']:,} exposures to learn from, {metrics['holdout_rows']:,} held out, of which "
        f"{metrics['holdout_positives']:,} were watched."
    )
    if metrics.get("empty_windows"):
        rows += f" {metrics['empty_windows']:,} of the windows hold no exposure: look whether ingestion missed them."
    every = metrics.get("holdout_exposures", metrics["holdout_rows"])
    if every > metrics["holdout_rows"]:
        rows += f" They are all exposures of viewers drawn at random, of {every:,} in the holdout windows."
    if metrics.get("older_ne_ratio") is not None:
        rows += (
            " It went on from the training before. The normalised entropy of the hour before, which it did not learn "
            f"again, became {metrics['older_ne_ratio']:.4f} times what it was."
        )
    if metrics.get("is_refused"):
        rows += " <b>That is too much: the weights are those it went on from, and the next training starts anew.</b>"
    return read_section(content["parts"], told, rows, content["versions"])


def _rivals(evaluation: dict[str, Any]) -> str:
    rows, own = [], evaluation["watched"]["measures"]
    measured = [rival for rival in evaluation["rivals"] if "measures" in rival]
    for name in measured[0]["differences"] if measured else ():
        title, meaning = TITLES[name]
        row = [f"{escape(title)}<small>{escape(meaning)}</small>", interval(own[name], 4)]
        for rival in measured:
            row += [interval(rival["measures"][name], 4), judged_gap(name, rival["differences"][name])]
        rows.append(f"<tr>{cells(row)}</tr>")
    without = "".join(
        f"<p>{escape(rival['title'])}: {not_measured(rival['reason'])}</p>"
        for rival in evaluation["rivals"]
        if "measures" not in rival
    )
    if not any(rival["name"] == "live" for rival in evaluation["rivals"]):
        without += f"<p>Live release: {not_measured('none was live when this was trained')}</p>"
    head = ["measure of the watched head", "ranker"]
    for rival in measured:
        head += [rival["title"], "ranker minus it"]
    return section(
        "Beside its rivals",
        "All on the same held-out exposures. In brackets the 95 % interval over viewers; that of a difference draws "
        "the same viewers for both. Green: the whole interval is better than the rival; red: worse. Live chose what "
        "these viewers were shown, which favours it in the order of a page.",
        (table(head, rows, "rivals") if rows else "") + without,
    )


def _orders(evaluation: dict[str, Any]) -> str:
    names = ("grouped_auc", "ndcg_at_100", "watch_time_loss", "recall_at_5", "recall_at_10")
    titles = [TITLES[name][0] if name in TITLES else name.replace("_at_", "@") for name in names]
    rows = [f"<tr>{cells([escape(o['name']), *(interval(o[n]) for n in names)])}</tr>" for o in evaluation["orders"]]
    measures = evaluation["watched"]["measures"]
    at_k = []
    for k in LENGTHS:
        values = [interval(measures[f"{name}_at_{k}"]) for name in ("precision", "recall", "f1")]
        at_k.append(f"<tr>{cells([f'first {k}', *values])}</tr>")
    return section(
        "The order of a page",
        "The exposures of each page, ordered anew by what is named on the left. Watch-time loss is the weighted "
        "per-user loss of Covington et al. 2016: the share of watch time on pairs of a watched and a missed video that "
        "are the wrong way round. Below: the first k of each page by the watched head, all pages together.",
        table(["ordered by", *titles], rows) + table(["list", "precision", "recall", "F1"], at_k, "lengths"),
    )
