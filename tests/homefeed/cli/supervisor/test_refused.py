"""Who waits for the first release is told at once when it is not to be."""

from datetime import UTC, datetime, timedelta

from homefeed.cli.supervisor.refused import refused
from homefeed.registry import Stage, open_registry
from homefeed.settings import Settings
from homefeed.verdict import Check, Verdict

BEGUN = datetime(2026, 11, 29, 5, tzinfo=UTC)
CHECKS = [
    Check("bundle", Verdict.PASS, detail="every file is there"),
    Check("recall_popularity", Verdict.FAIL, 0.27, 0.0, detail="recall at 100 of 0.186 against popularity's 0.453"),
]


def test_a_release_that_its_gates_roll_back_is_told_with_what_failed(settings: Settings) -> None:
    registry = open_registry(settings.resolved_registry_url)
    assert not refused(registry, BEGUN)
    registry.add_release("r1", "b1", BEGUN, {})
    assert not refused(registry, BEGUN), "it is on its way"
    registry.move("r1", Stage.ROLLED_BACK, BEGUN + timedelta(minutes=4), CHECKS, "failed: recall_popularity")
    why = refused(registry, BEGUN)
    assert why.startswith("r1 was rolled back by its gates")
    assert "(recall_popularity: recall at 100 of 0.186 against popularity's 0.453)" in why
    assert "homefeed release show r1" in why
    assert not refused(registry, BEGUN + timedelta(minutes=5)), "of an earlier start"
    registry.add_release("r2", "b2", BEGUN + timedelta(minutes=6), {})
    assert not refused(registry, BEGUN), "another is on its way"


def test_one_that_a_person_rolls_back_is_told_with_the_reason(settings: Settings) -> None:
    registry = open_registry(settings.resolved_registry_url)
    registry.add_release("r1", "b1", BEGUN, {})
    registry.move("r1", Stage.ROLLED_BACK, BEGUN + timedelta(minutes=4), [], "a wrong catalogue", who="ana")
    assert refused(registry, BEGUN).startswith("r1 was rolled back by ana, so there is no first release (a wrong cat")


def test_nothing_is_refused_once_one_is_live(settings: Settings) -> None:
    registry = open_registry(settings.resolved_registry_url)
    for name in ("r1", "r2"):
        registry.add_release(name, name, BEGUN, {})
    registry.move("r1", Stage.ROLLED_BACK, BEGUN + timedelta(minutes=4), CHECKS)
    registry.move("r2", Stage.LIVE, BEGUN + timedelta(minutes=4), [])
    assert not refused(registry, BEGUN)
