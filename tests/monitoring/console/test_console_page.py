"""What stands on the page Homefeed, on a busy day and on the first one."""

import json
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from stub_console import NOW, fire
from typer.testing import CliRunner

from homefeed.cli import build
from homefeed.registry import Stage
from homefeed.settings.rollout import RolloutSettings
from homefeed.verdict import Check, Verdict
from monitoring.alerts.rules import load_rules
from monitoring.console import firing, live, page
from monitoring.console.desk import Desk
from monitoring.console.drifts import drifts
from monitoring.console.forms import LABELS, form
from monitoring.console.manual import FOLDER, anchor, manual, rendered
from monitoring.live_calibration import record_refit


class Outline(HTMLParser):
    """Ids, labels and tables of a page, and whether every tag was closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: list[str] = []
        self.fields: list[str] = []
        self.num_tables = self.num_captions = 0
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if "id" in told:
            self.ids.append(str(told["id"]))
        if tag == "label":
            self.labelled.append(str(told["for"]))
        if tag in ("input", "select") and told.get("type") != "hidden":
            self.fields.append(str(told["id"]))
        self.num_tables += tag == "table"
        self.num_captions += tag == "caption"
        if tag not in ("meta", "input", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())


def part(html: str, name: str) -> str:
    """One part of the page."""
    return html.split(f'aria-labelledby="{name}"')[1].split("</section>", maxsplit=1)[0]


def test_the_first_day_says_what_will_come(empty: Desk) -> None:
    html = page.overview(empty)
    for words in (
        "No release is live",
        "Nothing fires",
        "No release is on its way",
        "No window was measured yet",
        "No report yet",
        "Nothing was live yet",
        "Nothing was tried yet",
        "No release was moved",
    ):
        assert words in html
    assert "cannot be read" not in html
    assert "No report yet" in page.reports_page(empty)
    assert "No alert ever fired" in page.alerts_page(empty)


def test_a_part_that_cannot_be_read_leaves_the_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Desk) -> str:
        raise OSError("the <disk> is gone")

    monkeypatch.setitem(page.SECTIONS, "freshness", ("Freshness", broken))  # type: ignore[misc]
    html = page.overview(desk)
    assert "This part cannot be read: OSError: the &lt;disk&gt; is gone" in part(html, "freshness")
    assert "answers viewers" in part(html, "live")


def test_what_is_live_and_what_a_rollback_brings_back(desk: Desk) -> None:
    html = live.live(desk)
    assert '<a href="/homefeed/releases/r2">r2</a> went live' in html
    assert 'A rollback brings back <a href="/homefeed/releases/r1">r1</a>' in html
    assert "live_errors" in html
    assert "MemoryError: &lt;none&gt; left" in html


def test_the_rollout_shows_every_gate_and_what_waits_comes_first(desk: Desk) -> None:
    html = part(page.overview(desk), "rollout")
    assert re.findall(r'<th scope="row">(\w+)</th>', html) == [
        "watched_share",
        "dismissals",
        "failed_pages",
        "sample_ratio",
    ]
    row = html.split("watched_share</th>")[1].split("</tr>")[0]
    cells = re.sub(r"<[^>]+>", "|", row).replace("||", "|")
    assert [cell for cell in cells.split("|") if cell] == [
        "wait", "0.0012", "0.0006", "-0.0004 to 0.0028", "8,412", "share of watched exposures",
    ]  # fmt: skip
    assert "answering 10% of the viewers; the dwell time is over" in html
    assert html.index("r3</a>") < html.index("r4</a>"), "the one that is furthest comes first"
    assert "aria-current=step class=done" not in html
    assert "<li aria-current=step>canary</li>" in html


def test_what_holds_a_release_and_its_pause_are_told(desk: Desk) -> None:
    desk.registry.hold("r3", NOW, "ann", "we <look>")
    html = part(page.overview(desk), "rollout")
    assert "paused by ann since 2026-11-24T22:05+00:00: we &lt;look&gt;" in html
    assert 'name="order" value="resume"' in html


def test_evidence_is_linked_only_where_it_is_served(desk: Desk) -> None:
    path = desk.settings.reports_path / "gates" / "r3" / "index.html"
    for evidence in (str(path), "javascript:alert(1)", "/etc/passwd", "https://elsewhere.example/x"):
        check = Check("quality", Verdict.WAIT, evidence=evidence)
        desk.registry.move("r3", Stage.CANARY, NOW, [check])
        html = part(page.overview(desk), "rollout")
        linked = re.findall(r'href="([^"]+)">report', html)
        expected = {str(path): ["/homefeed/reports/gates/r3/index.html"], "https://elsewhere.example/x": [evidence]}
        assert linked == expected.get(evidence, [])


def test_alerts_say_what_happened_and_what_to_do(desk: Desk) -> None:
    html = part(page.overview(desk), "alerts")
    assert "2 firing, 0 pending" in html
    assert "Release r3 has been in canary for 8.3 h." in html
    assert "8.3 h; above 6.0 h is wrong" in html
    assert 'href="/homefeed/docs/runbook.md#release-waits"' in html
    assert "<code>homefeed release show r3</code>" in html
    assert 'name="label-release" value="r3"' in html


def test_rules_that_nobody_evaluates_are_told(desk: Desk, empty: Desk) -> None:
    assert "The rules were" not in page.overview(desk)
    assert "The rules were never evaluated" in page.overview(empty)
    late = Desk(desk.settings, desk.registry, NOW + timedelta(seconds=301))
    assert "The rules were evaluated 5.0 min ago" in page.overview(late)


def test_a_runbook_on_the_web_is_linked_as_it_is(desk: Desk) -> None:
    (alert, *_) = desk.alerts
    alert.content = {**alert.content, "runbook": "https://docs.example/runbook#x"}
    assert firing.runbook_url(desk, alert) == "https://docs.example/runbook#x"


def test_online_metrics_are_those_of_the_command_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    html = part(page.overview(desk), "metrics")
    assert html.count("<svg") == 2 * 3, "a metric that was not measured has no chart"
    monkeypatch.setenv("HOMEFEED_VAR", str(desk.settings.var))
    told = CliRunner().invoke(build(["metrics"]), ["metrics", "--windows", "144", "--json"])
    rows = [row for row in json.loads(told.output)["metrics"] if not row["arm"]]
    assert {row["release"] for row in rows} == {"r1", "r2", "r3", "r2+r3"}
    for row in rows:
        assert f"<td>{row['value']:.4g}</td><td>{row['low']:.4g} to {row['high']:.4g}</td>" in html
        assert f"<td>{row['num_viewers']:,}</td><td>{row['num_windows']:,}</td>" in html
    clicks = {row["release"]: 100 * row["value"] for row in rows if row["metric"] == "click_through"}
    for release, name in (("r2", "r2, live"), ("r3", "r3, in rollout"), ("r1", "r1"), ("r2+r3", "r2+r3, interleaved")):
        assert f"<title>{name}: {clicks[release]:.4g} (" in html
    assert "e/more" not in html
    # What is live comes first, then what is in rollout.
    assert html.index(">r2, live<") < html.index(">r3, in rollout<") < html.index(">r1<")


def test_what_was_fitted_again_and_how_many_videos_are_corrected(desk: Desk) -> None:
    heads = {"watched": {"is_refitted": True}, "liked": {"is_refitted": False}}
    record_refit(desk.settings, "r2", "20261124T2140Z", heads)
    assert ">fitted again: watched</a>" in drifts(desk)
    record_refit(desk.settings, "r2", "20261124T2150Z", {"watched": {"is_refitted": False}}, {"videos": 1234})
    assert ">every calibrator stayed; 1,234 videos corrected</a>" in drifts(desk)


def test_only_whoever_may_give_orders_sees_buttons(desk: Desk) -> None:
    assert "<form" in page.overview(desk)
    desk.may_order = False
    assert "<form" not in page.overview(desk)
    assert form(desk, "pause", "r3", release="r3") == ""


def test_an_approval_can_be_given_once_it_is_asked_for(desk: Desk) -> None:
    desk.settings = desk.settings.model_copy(update={"rollout": RolloutSettings(approval=True)})
    assert 'value="approve"' not in page.overview(desk)
    passed, asked = Check("online", Verdict.PASS), Check("approval", Verdict.WAIT)
    desk.registry.move("r3", Stage.CANARY, NOW, [passed, asked])
    assert 'value="approve"' in page.overview(desk)


def test_every_field_has_a_label_every_table_a_caption_and_every_tag_an_end(desk: Desk) -> None:
    desk.registry.alerts.silence({"rule": "task_*"}, NOW, NOW.replace(hour=23), "ann", "known")
    told = page.overview(desk, told="done", error="a\nb")
    for html in (told, page.alerts_page(desk), page.reports_page(desk), str(page.release_page(desk, "r3"))):
        found = Outline(html)
        assert found.open == []
        assert len(set(found.ids)) == len(found.ids)
        assert sorted(found.labelled) == sorted(found.fields)
        assert found.num_tables == found.num_captions
        assert html.count("<h1>") == 1
    assert set(re.findall(r'name="order" value="(\w+)"', told)) == set(LABELS) - {"approve", "resume"}


def test_names_from_outside_are_text(empty: Desk) -> None:
    name = "<img src=x>"
    empty.registry.add_release(name, name, NOW, {})
    empty.registry.move(name, Stage.CANARY, NOW, [Check(name, Verdict.WAIT, detail=name)], name)
    empty.registry.knobs.turn("exploration", 0.1, NOW, name, name)
    for html in (page.overview(empty, name, name), str(page.release_page(empty, name))):
        assert "<img" not in html
        Outline(html)


def test_the_page_of_a_release_keeps_its_looks(desk: Desk) -> None:
    html = str(page.release_page(desk, "r0"))
    assert "predicts &lt;too&gt; much" in html
    assert "failed: calibration" in html
    assert page.release_page(desk, "r9") is None


def test_a_thousand_alerts_and_two_hundred_releases_stay_readable(desk: Desk) -> None:
    fire(desk.settings, desk.registry, num_tasks=1000)
    for i in range(200):
        desk.registry.add_release(f"x{i}", f"x{i}", NOW, {})
        desk.registry.move(f"x{i}", Stage.ROLLED_BACK, NOW, [], "failed: quality")
    html = page.overview(desk)
    assert len(html) < 400_000
    assert "981 more:" in part(html, "alerts")
    assert part(html, "moves").count("failed: quality") == 30
    assert page.alerts_page(desk).count("Task train") == 1000


def test_every_rule_has_its_section_in_the_runbook_as_it_is_shown() -> None:
    html = str(manual("runbook.md"))
    for rule in load_rules(None):
        assert f'<h2 id="{rule.runbook}">' in html, rule.name
    assert rendered("# One & two\n\n<b>x</b>") == '<h1 id="one--two">One &amp; two</h1>\n<p>&lt;b&gt;x&lt;/b&gt;</p>\n'
    assert anchor("A ranker got worse") == "a-ranker-got-worse"


def test_only_pages_of_the_documentation_are_shown(empty: Desk) -> None:
    assert (FOLDER.parent / "README.md").is_file()
    for path in ("../README.md", "/etc/hosts", "none.md", "adr", ""):
        assert manual(path) is None, path
    assert "# 18" not in str(manual("adr/0019-approval-is-a-check.md"))
    assert 'href="/homefeed/docs/runbook.md"' in str(page.manual_page(empty, "console.md"))
    assert page.manual_page(empty, "none.md") is None
