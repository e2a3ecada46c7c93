"""Control state: releases and their stages, ingested windows, reports."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homefeed.registry import Registry, RegistryError, Stage, open_registry
from homefeed.verdict import Check, Verdict

NOW = datetime(2026, 11, 23, 22, 10, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'var' / 'registry.db'}"


@pytest.fixture
def registry(url: str) -> Registry:
    return open_registry(url)


def test_an_empty_registry_has_nothing_live(registry: Registry) -> None:
    assert registry.live() is None
    assert registry.releases() == registry.in_rollout() == registry.ingests() == registry.reports() == []
    assert registry.watermark() is None


def test_a_release_starts_in_shadow_and_entering_it_again_changes_nothing(registry: Registry) -> None:
    registry.add_release("r1", "b1", NOW, {"ne": 0.8})
    registry.move("r1", Stage.CANARY, NOW, [])
    again = registry.add_release("r1", "other", NOW + timedelta(hours=1), {})
    assert (again.stage, again.bundle, again.metrics) == (Stage.CANARY, "b1", {"ne": 0.8})


def test_the_new_live_release_retires_the_old_one(registry: Registry) -> None:
    for name in ("r1", "r2"):
        registry.add_release(name, name, NOW, {})
        registry.move(name, Stage.LIVE, NOW, [])
    assert [r.id for r in registry.releases(Stage.LIVE)] == ["r2"]
    old = registry.release("r1")
    assert old is not None
    assert old.stage == Stage.RETIRED


def test_evidence_is_kept_for_every_look_also_for_those_that_moved_nothing(registry: Registry) -> None:
    registry.add_release("r1", "b", NOW, {})
    waiting = Check("canary_watched", Verdict.WAIT, detail="12 of 50 viewers")
    registry.move("r1", Stage.SHADOW, NOW, [waiting])
    registry.move("r1", Stage.ROLLED_BACK, NOW + timedelta(minutes=10), [Check("ne", Verdict.FAIL, 1.2, 1.0)], "worse")
    first, second = registry.transitions("r1")
    assert (first.verdict, first.from_stage, first.to_stage) == ("wait", Stage.SHADOW, Stage.SHADOW)
    assert first.checks[0]["detail"] == "12 of 50 viewers"
    assert (second.verdict, second.to_stage, second.reason) == ("fail", Stage.ROLLED_BACK, "worse")
    assert second.at == NOW + timedelta(minutes=10)


def test_a_release_that_does_not_exist_cannot_move(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="no release 'r9'"):
        registry.move("r9", Stage.LIVE, NOW, [])


def test_times_without_an_offset_are_refused(registry: Registry) -> None:
    with pytest.raises(Exception, match="no time zone"):
        registry.add_release("r1", "b", datetime(2026, 11, 23), {})


def test_ingesting_a_window_again_overwrites_its_row(registry: Registry) -> None:
    registry.record_ingest("20261123T2200Z", 5, 0, 0, ["20261123T2200Z"])
    registry.record_ingest("20261123T2210Z", 1, 2, 3, ["20261123T2200Z", "20261123T2210Z"])
    registry.record_ingest("20261123T2200Z", 6, 0, 0, [])
    assert [i.accepted for i in registry.ingests()] == [6, 1]
    assert registry.watermark() == "20261123T2210Z"


def test_a_report_replaces_the_one_of_the_same_window_and_release(registry: Registry) -> None:
    for path in ("old.html", "new.html"):
        registry.add_report("monitor", "20261123T2200Z", "r1", Path(path), {"drifted": 1})
    registry.add_report("training", "20261123T2200Z", "r1", Path("t.html"), {})
    assert [r.path for r in registry.reports("monitor")] == ["new.html"]
    assert len(registry.reports()) == 2


def test_state_outlives_the_process_and_an_unusable_url_is_named(url: str, tmp_path: Path) -> None:
    open_registry(url).add_release("r1", "b", NOW, {})
    assert [r.id for r in open_registry(url).releases()] == ["r1"]
    (tmp_path / "text.db").write_text("this is no database, it is a sentence that is long enough")
    with pytest.raises(RegistryError, match=r"text\.db cannot be opened"):
        open_registry(f"sqlite:///{tmp_path / 'text.db'}")


def test_a_registry_of_an_older_version_is_brought_up_to_date_with_its_rows(url: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    import homefeed.registry

    old = open_registry(url)
    old.add_release("r1", "b", NOW, {})
    old.move("r1", Stage.LIVE, NOW, [], "first")
    config = Config()
    config.set_main_option("script_location", str(Path(homefeed.registry.__file__).parent / "migrations"))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    engine.dispose()
    new = open_registry(url)
    assert [(t.reason, t.who) for t in new.transitions("r1")] == [("first", "")]
    assert new.holds() == new.failures.open() == new.alerts.open() == []


def test_two_processes_that_open_a_new_registry_at_once_both_can_use_it(url: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_registry(url), range(4)))
    for i, registry in enumerate(opened):
        registry.add_release(f"r{i}", "b", NOW, {})
    assert len(opened[0].releases()) == 4


def test_what_a_writer_has_read_still_holds_when_it_writes(url: str) -> None:
    """Sixteen promotions at once from the same look: one moves the release, the others are told."""
    from concurrent.futures import ThreadPoolExecutor

    registry = open_registry(url)
    registry.add_release("r1", "b", NOW, {})

    def promote(_: int) -> bool:
        try:
            open_registry(url).move("r1", Stage.CANARY, NOW, [], expected=Stage.SHADOW)
        except RegistryError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(promote, range(16))) == 1
    assert len(registry.transitions("r1")) == 1
