"""The evaluation of a ranker and its page: bad input has reasons, rivals are compared, and titles are text."""

import json
from dataclasses import replace

import numpy as np
import pytest

from homefeed.features import DENSE_FEATURES, TARGETS
from models.ranking.evaluation import Rival, evaluation_of
from models.ranking.examples import Examples, Inputs
from models.ranking.report.page import page

WINDOW = "20261123T2150Z"
WEIGHTS = dict.fromkeys(TARGETS, 1.0)


def examples(num: int = 800, num_viewers: int = 40) -> tuple[Examples, dict[str, np.ndarray]]:
    """Exposures with their true probabilities; nobody subscribed, and no video has a known length."""
    random = np.random.default_rng(4)
    users = np.arange(num) % num_viewers
    p = random.uniform(0.01, 0.4, num).astype(np.float32)
    keys, none = np.ones(num, np.int64), np.zeros((num, 0), np.int64)
    names = ("video", "channel", "topic", "language", "device", "country", "user_language")
    inputs = Inputs(
        dense=np.zeros((num, len(DENSE_FEATURES)), np.float32),
        **dict.fromkeys(names, keys),
        side_topics=none,
        slot=np.zeros(num, np.int32),
        age=np.zeros(num, np.int32),
        history_topics=none,
        history_fractions=none.astype(np.float32),
    )
    watched = (random.random(num) < p).astype(np.float32)
    labels = dict.fromkeys(TARGETS, watched)
    labels |= {"subscribed": np.zeros(num, np.float32), "completion": np.full(num, np.nan, np.float32)}
    one, drawn = np.ones(num, np.float32), np.full(num, 0.1, np.float32)
    return Examples(inputs, labels, one, users, users + 1, keys, drawn), dict.fromkeys(TARGETS, p)


def html_of(evaluation: dict | None, **more: int) -> str:
    metrics = more | {"train_rows": 10, "holdout_rows": 800, "holdout_positives": 160, "epochs": 1}
    parts = dict.fromkeys(("training", "validation", "holdout"), (WINDOW, WINDOW))
    shown = {
        "id": "r-1",
        "parts": parts,
        "versions": {},
        "metrics": metrics,
        "history": [0.9],
        "evaluation": evaluation,
    }
    return page(shown)


def test_heads_without_positives_and_without_labels_have_reasons() -> None:
    rows, heads = examples()
    found = evaluation_of(rows, heads, seed=1, weights=WEIGHTS, threshold=0.2)
    json.dumps(found, allow_nan=False)
    assert found["heads"]["subscribed"]["measures"]["roc_auc"]["reason"] == "no positive exposure"
    assert found["heads"]["completion"]["measures"]["calibration"]["reason"] == "no exposures"
    assert found["heads"]["watched"]["measures"]["calibration"]["low"] < 1
    html = html_of(found)
    assert "not measured: no positive exposure" in html
    assert ">nan" not in html


def test_a_broken_head_is_a_reason_on_the_page() -> None:
    rows, heads = examples()
    broken = heads | {"watched": np.where(np.arange(800) == 3, np.nan, heads["watched"]).astype(np.float32)}
    found = evaluation_of(rows, broken, seed=1, weights=WEIGHTS)
    json.dumps(found, allow_nan=False)
    assert "1 of 800 predictions are not finite numbers" in html_of(found)


def test_a_holdout_of_one_row_and_of_none() -> None:
    rows, heads = examples()
    one = {target: head[:1] for target, head in heads.items()}
    found = evaluation_of(rows.take(slice(0, 1)), one, seed=1, weights=WEIGHTS)
    json.dumps(found, allow_nan=False)
    assert "not measured" in html_of(found)
    assert "the holdout windows hold no exposure" in html_of(None)


def test_rivals_are_compared_or_say_why_not() -> None:
    rows, heads = examples()
    flat = np.full(800, rows.labels["watched"].mean(), np.float32)
    rivals = [Rival("tree", "tree", flat), Rival("live", "<b>live</b>", None, "its bundle is damaged")]
    found = evaluation_of(rows, heads, seed=1, weights=WEIGHTS, rivals=rivals)
    gap = found["rivals"][0]["differences"]["roc_auc"]
    assert gap["low"] > 0
    html = html_of(found)
    assert "&lt;b&gt;live&lt;/b&gt;" in html
    assert "not measured: its bundle is damaged" in html


def test_what_was_drawn_says_what_a_choice_is_worth() -> None:
    """Scores are the chances, drawn evenly from 0.01 to 0.4, of a watch, a like and four more of its kind: the best
    tenth are worth more than the mean, and more than the choice of a live release that ranks the other way round."""
    rows, heads = examples(8_000)
    rivals = [Rival("live", "live release r-0", None, value=-heads["watched"])]
    found = evaluation_of(rows, heads, seed=1, weights=WEIGHTS, rivals=rivals)["choice"]
    worths = 5 * rows.labels["watched"]
    assert found["drawn"]["value"] == pytest.approx(worths.mean(), rel=1e-6)
    assert found["chosen"]["value"] == pytest.approx(
        worths[heads["watched"] >= np.quantile(heads["watched"], 0.9)].mean()
    )
    assert found["chosen"]["low"] > found["drawn"]["value"]
    assert found["difference"]["low"] > 0
    assert "live release r-0" in html_of(evaluation_of(rows, heads, seed=1, weights=WEIGHTS, rivals=rivals))


def test_without_random_draws_the_choice_has_a_reason() -> None:
    rows, heads = examples()
    found = evaluation_of(replace(rows, propensities=np.ones(800, np.float32)), heads, seed=1, weights=WEIGHTS)
    assert "HOMEFEED_SERVING__EXPLORATION" in found["choice"]["reason"]
    assert "HOMEFEED_SERVING__EXPLORATION" in html_of(found)


def test_windows_that_ingestion_missed_are_on_the_page() -> None:
    assert "3 of the windows hold no exposure" in html_of(None, empty_windows=3)
    assert "hold no exposure:" not in html_of(None, empty_windows=0)
