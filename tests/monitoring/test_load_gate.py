"""G12: what a load test must show, and that a release without one waits."""

from typing import Any

import pytest
from stub_site import WINDOW, StubSite

from homefeed.settings.rollout import RolloutSettings
from homefeed.verdict import Verdict
from monitoring.gates.load import load, load_checks
from monitoring.look import Look

#: 30 pages/s for 20 s, and 60 pages/s for 20 s.
GOOD: dict[str, Any] = {
    "pages_per_s": 30.0,
    "pages": 600,
    "failed": 0,
    "p99_ms": 120.0,
    "rss_gib": 1.5,
    "shed_pages_per_s": 60.0,
    "shed_pages": 1200,
    "shed_served": 800,
    "shed_refused": 400,
    "shed_failed": 0,
}
KNOBS = RolloutSettings(load_test=True, load_p99_ms=200.0, load_rss_gib=2.0)


def verdicts(**changed: Any) -> dict[str, str]:
    return {check.name: check.verdict for check in load_checks(GOOD | changed, KNOBS)}


def test_a_release_in_time_passes_each() -> None:
    assert set(verdicts().values()) == {Verdict.PASS}


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({"p99_ms": 192.0 * 1.6}, "load_p99"),
        ({"failed": 1}, "load_failed"),
        ({"rss_gib": 2.1}, "load_memory"),
        ({"shed_failed": 1, "shed_refused": 399}, "load_shed"),
    ],
)
def test_each_fault_fails_its_own_check(changed: dict[str, Any], failed: str) -> None:
    assert [name for name, verdict in verdicts(**changed).items() if verdict == Verdict.FAIL] == [failed]


def test_without_a_single_page_the_time_fails_and_is_no_number() -> None:
    (check, *_) = load_checks(GOOD | {"failed": 600, "p99_ms": float("nan")}, KNOBS)
    assert (check.verdict, check.value) == (Verdict.FAIL, None)


def test_a_test_that_asked_for_nothing_waits() -> None:
    assert set(verdicts(pages=0).values()) == {Verdict.WAIT}


def look(site: StubSite, *, is_on: bool) -> Look:
    rollout = site.settings.rollout.model_copy(update={"load_test": is_on})
    settings = site.settings.model_copy(update={"rollout": rollout})
    release = site.registry.release("r2")
    assert release is not None
    return Look(settings, site.registry, release, None, *site.after)


def test_it_waits_without_a_load_test_where_one_is_asked_for(site: StubSite) -> None:
    site.add("r2")
    assert load(look(site, is_on=False)) == []
    assert {check.verdict for check in load(look(site, is_on=True))} == {Verdict.WAIT}
    file = site.settings.reports_path / "load" / "r2.json"
    site.registry.add_report("load", WINDOW, "r1", file, GOOD | {"failed": 3})
    assert {check.verdict for check in load(look(site, is_on=True))} == {Verdict.WAIT}, "that was another release"
    site.registry.add_report("load", WINDOW, "r2", file, GOOD)
    found = load(look(site, is_on=True))
    assert {check.verdict for check in found} == {Verdict.PASS}
    assert found[0].evidence == str(file)
