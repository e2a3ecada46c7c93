"""The file of rules: the platform's own is whole, and a wrong one is named entry by entry."""

import string
from pathlib import Path

import pytest
from stub_desk import rule

from monitoring.alerts.rules import FIELDS, RULES_FILE, RulesError, Severity, load_rules
from monitoring.alerts.sources import FAILED, REGISTRY, SOURCES

#: Labels that each measure has; those that are not here have none.
LABELS = {
    "age_s": {"kind", "name"},
    "live_rollbacks": {"release"},
    "waiting_s": {"release", "stage"},
    "approvals_asked": {"release", "stage"},
    "paused_s": {"release", "stage"},
    "miscalibration": {"release", "head"},
    "drifted_columns": {"kind"},
    "failed_tasks": {"dag", "task"},
    "undelivered_s": {"sink"},
    "refused_messages": {"sink"},
    FAILED: {"source"},
}
MEASURES = {measure for source in SOURCES.values() for measure in source.measures} | {FAILED, REGISTRY}
RULE = """
rules:
  - {name: a, severity: page, measure: m, kind: above, bound: 1, owner: o, runbook: r, summary: s, affected: a,
     done: d, commands: [homefeed status]%s}
"""


def test_every_rule_looks_at_a_measure_that_is_taken_and_every_measure_has_a_rule() -> None:
    assert {rule.measure for rule in load_rules()} == MEASURES


def test_texts_and_labels_of_a_rule_name_labels_that_its_measure_has() -> None:
    for one in load_rules():
        known = LABELS.get(one.measure, set())
        assert set(one.labels) <= known, one.name
        for text in (one.summary, one.affected, one.done, *one.commands):
            named = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
            assert named <= known | set(FIELDS), f"{one.name}: {text}"


def test_pages_hold_promotions_unless_a_promotion_is_what_mends_them() -> None:
    assert {r.name for r in load_rules() if r.severity is Severity.PAGE and not r.holds} == {
        "without_live",
        "release_old",
        "miscalibrated",
        "registry_unreachable",
    }
    assert not any(r.holds for r in load_rules() if r.severity is Severity.TICKET)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [", "cannot be read"),
        ("", "the file: Input should be"),
        ("rules:\n  - 3\n", r"rule \? \(number 1\)"),
        (RULE % ", bount: 2", r"rule a \(number 1\)\.bount: Extra inputs are not permitted"),
        (RULE % ", severity: loud", r"rule a \(number 1\)\.severity: .*'page' or 'ticket'"),
        (RULE % ", resolve_bound: 2", "resolve_bound 2 is on the wrong side of bound 1"),
        (RULE % ", for_s: -1", r"for_s: Input should be greater"),
        (RULE % ', summary: "{labels[x]}"', "only plain names of labels"),
        (RULE % "" + (RULE % "").replace("\nrules:", ""), "two rules are named a"),
    ],
)
def test_a_wrong_file_is_named_entry_by_entry(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(RulesError, match=message) as caught:
        load_rules(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"nowhere\.yaml cannot be read"):
        load_rules(tmp_path / "nowhere.yaml")


def test_below_is_the_mirror_of_above() -> None:
    below = rule(kind="below", bound=0.5, resolve_bound=0.7)
    assert [below.is_wrong(value) for value in (0.4, 0.5, 0.6)] == [True, False, False]
    assert [below.is_right(value) for value in (0.6, 0.7, 0.8)] == [False, True, True]


def test_the_rules_travel_with_the_package() -> None:
    assert RULES_FILE.name == "rules.yaml"
    assert '"*.yaml"' in (Path(__file__).parents[3] / "pyproject.toml").read_text()
