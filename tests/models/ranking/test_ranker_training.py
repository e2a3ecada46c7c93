"""Training of both models on the small site, whose tastes are known."""

import json
import shutil
from pathlib import Path

import pytest

from homefeed import windows
from homefeed.lake import open_lake
from homefeed.registry import open_registry
from homefeed.settings import Settings
from models.ranking.live import live_rival
from models.ranking.report import publish_report
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
    # Every watch of this site lasts 10 s or more, so that nobody is a bot.
    assert metrics["bot_viewers"] == metrics["bot_train_rows"] == metrics["bot_holdout_rows"] == 0


def test_an_empty_lake_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(TrainingError, match="ingest a longer history"):
        train_retrieval(settings, "20261123T2150Z")
    with pytest.raises(TrainingError, match="ingest a longer history"):
        train_ranking(settings, "20261123T2150Z")


def test_the_report_is_measured_on_the_holdout_and_published(release) -> None:
    training = read_training(release.ranking)
    metrics, evaluation = training.metrics, json.loads((release.ranking / "evaluation.json").read_text())
    low, high = metrics["intervals"]["ne"]
    assert low < metrics["ne"] < high
    assert metrics["ne"] == pytest.approx(evaluation["watched"]["measures"]["ne"]["estimate"], abs=1e-6)
    assert evaluation["heads"]["shared"]["measures"]["roc_auc"]["reason"] == "no positive exposure"
    devices = {part["name"]: part["num_exposures"] for part in evaluation["slices"] if part["group"] == "device"}
    assert set(devices) == {"phone", "desktop"}
    assert sum(devices.values()) == metrics["holdout_rows"]
    html = publish_report(release.settings, training).read_text()
    assert f"{metrics['ne']:.3f}" in html
    assert "none was live when this was trained" in html
    assert ">nan" not in html
    (listed,) = open_registry(release.settings.resolved_registry_url).reports("ranking")
    assert (listed.release, listed.summary["ne"]) == (training.id, metrics["ne"])


def test_live_is_not_compared_with_on_windows_that_it_saw(release) -> None:
    """The ranker was calibrated up to the window before its own holdout."""
    seen = windows.shift(read_training(release.ranking).window, -12)
    rival = live_rival(release.settings, release.id, seen, None)  # type: ignore[arg-type]
    assert rival.watched is None
    assert rival.reason == f"it was calibrated up to window {seen}, and the holdout begins with {seen}"
    assert "no-such" in live_rival(release.settings, "no-such", seen, None).reason  # type: ignore[arg-type]


def test_windows_missing_in_the_middle_are_gone_over_and_counted(release, tmp_path: Path) -> None:
    """Of the windows that are learned two lose their exposures: the ranker learns the others and says so."""
    shutil.copytree(release.settings.var, tmp_path / "var")
    settings = release.settings.model_copy(update={"var": tmp_path / "var", "registry_url": ""})
    lake, before = open_lake(settings.lake_path), read_training(release.ranking)
    middle = windows.span(before.windows[0], before.windows[1])[2:4]
    lost = lake.read("exposures", (middle[0], middle[1]))
    assert len(lost)
    lake.replace("exposures", middle, lost.slice(0, 0))
    training = train_ranking(settings, before.window)
    assert training.metrics["empty_windows"] == before.metrics["empty_windows"] + 2
    assert training.metrics["train_rows"] < before.metrics["train_rows"]
    assert training.windows == before.windows
    assert "2 of the windows hold no exposure" in (training.path / "report.html").read_text()
