"""Training of both models on the small site, whose tastes are known."""

import pytest

from homefeed.settings import Settings
from models.ranking.train import train_ranking
from models.retrieval.train import train_retrieval
from models.training import TrainingError, read_training

pytestmark = pytest.mark.slow


def test_retrieval_beats_popularity(release) -> None:
    metrics = read_training(release.retrieval).metrics
    assert metrics["recall_at_100"] > metrics["popularity_recall_at_100"] > 0


def test_the_report_of_the_retriever_agrees_with_its_metrics(release) -> None:
    """Country names come from the lake; every pass has its loss and its recall."""
    metrics = read_training(release.retrieval).metrics
    overall = metrics["slices"][0]
    assert metrics["recall_at_k"]["100"] == metrics["recall_at_100"] == overall["recall"]
    assert metrics["popularity_recall_at_k"]["100"] == metrics["popularity_recall_at_100"] == overall["popularity"]
    assert metrics["losses"][-1] < metrics["losses"][0]
    assert len(metrics["losses"]) == len(metrics["validations"])
    assert max(metrics["validations"]) == metrics["validation_recall_at_100"]
    assert {part["name"] for part in metrics["slices"] if part["group"] == "country of the viewer"} == {"DE", "US"}
    html = (release.retrieval / "report.html").read_text()
    assert f"{metrics['recall_at_100']:.3f}" in html
    assert "Topic" in html


def test_the_ranker_has_learned_and_is_calibrated(release) -> None:
    metrics = read_training(release.ranking).metrics
    assert metrics["roc_auc"] > 0.65
    assert metrics["ne"] < 1
    assert 0.8 < metrics["calibration"] < 1.2
    assert metrics["gbt_ne"] < 1
    # Nothing was ever shared on this site: that is unknown, not zero.
    assert metrics["calibration_by_head"]["shared"] is None


def test_an_empty_lake_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(TrainingError, match="ingest a longer history"):
        train_retrieval(settings, "20261123T2150Z")
    with pytest.raises(TrainingError, match="ingest a longer history"):
        train_ranking(settings, "20261123T2150Z")
