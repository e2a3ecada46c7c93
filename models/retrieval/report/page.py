"""The report as one HTML page: each part has a heading, a sentence that says what is seen, and the numbers."""

from html import escape
from typing import Any

from homefeed.report_page import document, number, tiles
from models.report.charts import histogram
from models.report.section import STYLE, card, not_measured, section
from models.report.training import read_section
from models.retrieval.report.curves import learning, recall_by_length
from models.retrieval.report.neighbours import neighbours
from models.retrieval.report.slice_table import slice_table

#: Distribution -> heading and what it is.
_DISTRIBUTIONS = {
    "lengths": ("Length of video vectors", "without the bias; equal lengths mean that only directions compete"),
    "queries": ("Length of query vectors", "of the newest queries; it weighs taste against the bias"),
    "biases": ("Bias of videos", "what a video gains in every list, whoever asks: how far it is liked by everyone"),
    "pairs": ("Cosine of two random videos", "a heap at 1 would mean that all videos look alike to the model"),
}


def page(content: dict[str, Any]) -> str:
    """The page of one training; `content` is that of `report.content`."""
    metrics = content["metrics"]
    parts = [
        '<div class="eyebrow">Homefeed · training of the retriever</div>',
        f"<h1>{escape(content['id'])}</h1>",
        _lead(metrics),
        _figures(metrics),
        _data(content),
        learning(metrics),
        recall_by_length(metrics),
        slice_table(metrics["slices"]),
        _vectors(content["distributions"]),
        neighbours(content["examples"], metrics["videos"]),
    ]
    return document(f"Retriever {content['id']}", "".join(parts), STYLE)


def _lead(metrics: dict[str, Any]) -> str:
    overall = metrics["slices"][0]
    if overall["recall"] is None:
        return f'<p class="lead">{not_measured(_why_no_recall(metrics))}</p>'
    interval = (
        "" if overall["low"] is None else f" (95 % interval {_percent(overall['low'])} to {_percent(overall['high'])})"
    )
    return (
        '<p class="lead">The retriever picks, out of the whole catalogue, the videos that the ranker then puts in '
        f"order. Its list of 100 holds <b>{_percent(overall['recall'])}</b>{interval} of the videos that viewers went "
        f"on to watch in windows it never saw. A list of what is popular holds "
        f"<b>{_percent(overall['popularity'])}</b>.</p>"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _why_no_recall(metrics: dict[str, Any]) -> str:
    if not metrics["holdout_watches"]:
        return "the holdout windows hold no watch"
    return "every watch of the holdout windows is of a video that its viewer had watched before"


def _figures(metrics: dict[str, Any]) -> str:
    overall = metrics["slices"][0]
    interval = "" if overall["low"] is None else f", {overall['low']:.3f} to {overall['high']:.3f}"
    counted = overall["num_watches"]
    others = metrics["holdout_watches"] - counted
    left_out = f"; {others:,} left out: watched before or not uploaded" if others else ""
    return tiles(
        [
            (number(metrics["recall_at_100"], 3, "not measured"), f"recall@100{interval}"),
            (number(metrics["popularity_recall_at_100"], 3, "not measured"), "recall@100 of popularity, same watches"),
            (f"{counted:,}", f"held-out watches of {overall['num_viewers']:,} viewers{left_out}"),
            (f"{metrics['train_watches']:,}", "watches learned from"),
            (f"{metrics['videos']:,}", "videos in the catalogue"),
            (f"{metrics['epochs']} of {len(metrics['losses'])}", "the pass that was kept"),
        ]
    )


def _data(content: dict[str, Any]) -> str:
    told = {
        "training": "the weights learned from these",
        "validation": "chose the pass that was kept",
        "holdout": "never seen: recall on this page, where nothing else is said, is of these",
    }
    before = content["started_from"]
    start = f"It went on from training {escape(before)}." if before else "It started anew, from no other training."
    return read_section(content["parts"], told, start, content["versions"])


def _vectors(found: dict[str, Any]) -> str:
    cards = []
    for name, (heading, meaning) in _DISTRIBUTIONS.items():
        cards.append(card(heading, f"{meaning[0].upper()}{meaning[1:]}.", _distribution(found[name], heading)))
    return section(
        "Vectors",
        "A video is recommended when its vector points where the query's does: its score is both lengths times the "
        "cosine, plus the video's bias.",
        f'<div class="cards">{"".join(cards)}</div>',
    )


def _distribution(found: dict[str, Any] | None, name: str) -> str:
    if found is None:
        return not_measured("there are too few vectors")
    if not found["counts"]:
        return f'<p class="one"><b>{found["mean"]:.3f}</b> for all {found["num"]:,}</p>'
    summary = f"{found['num']:,} from {found['low']:.3f} to {found['high']:.3f}, mean {found['mean']:.3f}"
    return histogram(found["counts"], found["low"], found["high"], name) + f"<small>{summary}</small>"
