"""One small site, published and trained on once for all tests of the models."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import small_site

from homefeed import windows
from homefeed.registry import open_registry
from homefeed.settings import Settings, load
from homefeed.settings.index import IndexSettings
from homefeed.settings.ranking import RankingSettings
from homefeed.settings.retrieval import RetrievalSettings


@dataclass(frozen=True)
class Release:
    """A release of the small site with everything it was made from."""

    settings: Settings
    windows: list[str]
    retrieval: Path
    ranking: Path
    id: str


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the small site, its features published."""
    from feature_repo.publish import publish

    settings = load(
        var=tmp_path_factory.mktemp("site") / "var",
        retrieval=RetrievalSettings(max_epochs=3, num_negatives=128, batch_size=256),
        index=IndexSettings(num_queries=50),
        ranking=RankingSettings(max_epochs=2, negative_rate=0.5, min_steps=60, min_training_steps=120),
    )
    names = small_site.write_site(settings)
    registry = open_registry(settings.resolved_registry_url)
    for window in windows.span(names[0], windows.shift(names[-1], 1)):
        registry.record_ingest(window, accepted=1, quarantined=0, duplicate=0, touched=[window])
    publish(settings, names)
    return settings


@pytest.fixture(scope="session")
def release(site: Settings) -> Release:
    """Both models trained, and their bundle in the store."""
    from models.bundle import build_bundle
    from models.ranking.train import train_ranking
    from models.retrieval.train import train_retrieval

    retrieval, ranking = train_retrieval(site, small_site.LAST), train_ranking(site, small_site.LAST)
    made = build_bundle(site, retrieval.path, ranking.path)
    return Release(site, small_site.windows_of_site(), retrieval.path, ranking.path, made)
