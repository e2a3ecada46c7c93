"""The plan: sizes that can be computed by hand, and numbers that cannot be are refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from homefeed.cli import build
from homefeed.cli.plan.assumptions import ASSUMPTIONS, assumed
from homefeed.cli.plan.figures import figures
from homefeed.cli.plan.headroom import _largest, half_load_ms, page_times, search_times
from homefeed.cli.plan.sensitivity import sensitivity
from homefeed.cli.plan.site import PlanError, Site, site_of
from homefeed.cli.plan.sizing import Need, page_cpu_s, plan, search_s, shards_of

MEASURED = {name: figure.value for name, figure in figures().items()}
SMALL = site_of(
    users=1e6, videos=1e6, positives_per_month=2.592e6, negatives_per_month=0.0, page_slots=1,
    capacity_pages_per_s=100, uploads_per_day=0, kept_days=180,
)  # fmt: skip


def parts(needs: list[Need]) -> dict[str, Need]:
    return {need.part: need for need in needs}


def test_the_site_of_the_design_has_the_load_of_the_design() -> None:
    site = site_of()
    assert site.pages_per_s == pytest.approx(2951.4, abs=0.1)
    assert site.exposures_per_s == pytest.approx(295_139, abs=1)


def test_one_page_a_second_is_one_page_a_second() -> None:
    """2,592,000 exposures in 30 days of 86,400 s, one on a page."""
    assert SMALL.pages_per_s == pytest.approx(1.0)
    need = parts(plan(SMALL, MEASURED | {"page_cpu_ms": 20.0}, assumed({"spare": 1.5}), 0.5, is_capacity=False))
    # 1 page/s of 20 ms at half load, and half as much to spare.
    assert need["replicas"].cores == pytest.approx(1.5 * 0.02 / 0.5)
    assert need["replicas"].machines == 1
    # 86,400 exposures of 500 bytes in a day, two days of them.
    assert need["event log"].disk_gib == pytest.approx(2 * 86_400 * 500 / 2**30)
    assert need["online store"].memory_gib == pytest.approx(2 * 1e6 * 3000 / 2**30)
    # Two copies in the lake and one in the archive for 180 days, a quarter of the bytes, and the bundles.
    assert need["lake and archive"].object_gib == pytest.approx(3 * 180 * 86_400 * 125 / 2**30 + 2000)
    assert need["lake and archive"].cold_gib == 0


def test_capacity_moves_what_answers_and_not_what_learns() -> None:
    average, capacity = (parts(plan(SMALL, MEASURED, assumed(), 0.5, is_capacity=c)) for c in (False, True))
    assert capacity["replicas"].cores == pytest.approx(100 * average["replicas"].cores)
    for name in ("training", "batches (Spark)", "lake and archive"):
        assert capacity[name] == average[name]


def test_pages_and_searches_lie_on_the_lines_through_what_was_measured() -> None:
    for candidates, name in ((1000, "page_cpu_ms"), (10_000, "large_page_cpu_ms")):
        site = site_of(candidates=candidates, videos=1e7)
        assert page_cpu_s(site, MEASURED, assumed()) == pytest.approx(MEASURED[name] / 1000)
    for videos, name in ((1e6, "search_ms"), (1e7, "large_search_ms")):
        assert search_s(site_of(videos=videos), MEASURED, assumed()) == pytest.approx(MEASURED[name] / 1000)
    assert shards_of(site_of(), assumed({"shard_videos": 50e6})) == 20
    assert shards_of(SMALL, assumed()) == 1
    # Two shards of 10 million: each search over HTTP, and two calls for the replica to make.
    two = assumed({"shard_videos": 1e7, "ask_ms": 0.5})
    site = site_of(videos=2e7)
    called = MEASURED | {"shard_call_ms": 0.25}
    assert search_s(site, called, two) == pytest.approx((MEASURED["large_search_ms"] + 0.25) / 1000)
    assert page_cpu_s(site, called, two) == pytest.approx((MEASURED["page_cpu_ms"] + 1.0) / 1000)


def test_simulated_times_have_the_means_that_machines_are_counted_by() -> None:
    random = np.random.default_rng(1)
    assert page_times(MEASURED, 0.03)(random, 100_000).mean() == pytest.approx(0.03, rel=0.02)
    drawn = search_times(site_of(), MEASURED, assumed())(random, 100_000)
    assert drawn.mean() == pytest.approx(search_s(site_of(), MEASURED, assumed()), rel=0.05)


def test_the_simulation_is_held_against_the_run_that_was_measured() -> None:
    """Steady pages of 20 ms, 40 a second, never wait; 60 a second take two at a time, and never wait either."""
    steady = MEASURED | {f"page_p{share}_ms": 20.0 for share in (50, 95, 99)}
    for half in (40.0, 60.0):
        assert half_load_ms(steady | {"sustained_pages_per_s": 2 * half}, seed=1) == pytest.approx(20.0)
    # The default figures: 11.7 ms by the simulation, 13.7 ms measured.
    assert half_load_ms(MEASURED, seed=1) == pytest.approx(11.7, rel=0.1)


def test_the_largest_load_lies_where_the_curve_crosses_the_goal() -> None:
    curve = {0.5: 50.0, 0.6: 80.0, 0.7: 120.0}
    assert _largest(curve, 100) == pytest.approx(0.65)
    assert _largest(curve, 1000) == 0.7
    assert _largest(curve, 10) == 0.0


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"users": -1}, "users: .*greater than 0"),
        ({"videos": float("nan")}, "videos"),
        ({"positives_per_month": 0, "negatives_per_month": 0}, "are both 0"),
        ({"capacity_pages_per_s": 100}, "below the 2,951 pages a second"),
        ({"videos": 10}, "candidates 1,000 is more than the 10 videos"),
        ({"hot_days": 1000}, "kept_days 720 is less than hot_days 1000"),
    ],
)
def test_a_site_that_cannot_be_is_refused(numbers: dict[str, float], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        site_of(**numbers)


def test_a_goal_that_no_page_keeps_and_unknown_assumptions_are_refused() -> None:
    with pytest.raises(PlanError, match="no load keeps .* within 100 ms"):
        plan(SMALL, MEASURED, assumed(), 0.0, is_capacity=False)
    with pytest.raises(PlanError, match="no assumption 'sparse'; there are machine_cores"):
        assumed({"sparse": 1})
    with pytest.raises(PlanError, match="spare is -1"):
        assumed({"spare": -1})


def test_the_bill_depends_on_what_is_turned() -> None:
    turns = {turn.name: turn for turn in sensitivity(site_of(), MEASURED, assumed(), 0.6, is_capacity=True)}
    assert turns["capacity_pages_per_s"].twice > 1.5
    assert turns["load that replicas may bear"].half == pytest.approx(turns["page_cpu_ms"].twice, rel=0.1)
    assert "answer_kib" not in turns or turns["answer_kib"].swing < turns["page_cpu_ms"].swing


def test_every_default_figure_says_how_it_was_measured() -> None:
    for figure in figures().values():
        assert figure.value > 0
        assert figure.command.split()[-3:] or figure.command
        assert "homefeed bench" in figure.command
        assert figure.date >= "2026-11-01"
        assert figure.machine


def test_a_benchmark_s_own_figures_replace_the_defaults(tmp_path: Path) -> None:
    held = {"bench": "serve", "results": {"cpu_ms": 10.2}, "machine": {"cpu": "X", "cores": 8, "memory_gib": 64}}
    file = tmp_path / "serve.json"
    file.write_text(json.dumps(held))
    found = figures([file])
    assert (found["page_cpu_ms"].value, found["page_cpu_ms"].machine) == (10.2, "8 cores of X, 64 GiB")
    assert found["large_page_cpu_ms"] == figures()["large_page_cpu_ms"]
    row = {"bench": "redis", "results": {"bytes_per_viewer": 2500}, "machine": held["machine"]}
    file.write_text(json.dumps(row))
    assert figures([file])["online_row_bytes"].value == 2500
    for text, message in (
        ("{", "is not what `homefeed bench NAME --json` prints"),
        (json.dumps(held | {"bench": "gates"}), "of `homefeed bench gates`; the plan can use events, exposures"),
        (json.dumps(held | {"results": {"cpu_ms": 0}}), "cpu_ms is 0; a figure of the plan is a number above 0"),
    ):
        file.write_text(text)
        with pytest.raises(PlanError, match=message):
            figures([file])


def test_the_command_prints_both_loads_and_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homefeed.cli.plan.headroom._PAGES", 300)
    runner, app = CliRunner(), build(["plan"])
    site = ["--videos", "2e6", "--positives", "6e7", "--negatives", "3e9", "--capacity", "200", "--users", "5e6"]
    made = runner.invoke(app, ["plan", *site, "--json", "--html", str(tmp_path / "plan.html")], catch_exceptions=False)
    plan = json.loads(made.stdout)
    assert [need["part"] for need in plan["capacity"]][-1] == "all"
    assert plan["site"]["pages_per_s"] == pytest.approx(3.06e9 / 2.592e6 / 100)
    assert set(plan["assumed"]) == set(ASSUMPTIONS)
    assert 0 < plan["simulation"]["busy"] <= 0.9
    assert plan["simulation"]["correction"] == pytest.approx(
        MEASURED["half_load_p99_ms"] / plan["simulation"]["checked_ms"]
    )
    page = (tmp_path / "plan.html").read_text()
    assert "<svg" in page
    assert all(name in page for name in (*ASSUMPTIONS, *MEASURED))
    with pytest.raises(PlanError, match="--assume spare: say NAME=VALUE"):
        runner.invoke(app, ["plan", "--assume", "spare"], catch_exceptions=False)


def test_the_site_is_frozen_and_knows_no_other_number() -> None:
    with pytest.raises(PlanError, match="viewers"):
        site_of(viewers=1)
    assert isinstance(site_of(), Site)
