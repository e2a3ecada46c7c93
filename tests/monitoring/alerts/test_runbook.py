"""The runbook: every rule has its section, and every command in it runs on a small platform."""

import getpass
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from stub_desk import NOW
from typer.testing import CliRunner

from homefeed.cli import VERBS, build
from homefeed.cli.supervisor.preflight import free_port
from homefeed.errors import HomefeedError
from homefeed.registry import Stage, open_registry
from homefeed.settings import load
from monitoring.alerts.evaluation import evaluate_now
from monitoring.alerts.reading import Measurement, Reading
from monitoring.alerts.rules import RULES_FILE, load_rules

ROOT = Path(__file__).parents[3]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
#: What stands for an id in the runbook, and the labels of rules in their commands -> what it is on the small platform.
IDS = {"RELEASE": "r3", "ALERT": "1", "SILENCE": "1", "ANY-VIEWER": "viewer-1"}
LABELS = dict.fromkeys(("release", "name"), "r3")


def sections() -> dict[str, str]:
    """Anchor -> text of each section of second level."""
    parts = re.split(r"^##? (.+)$", RUNBOOK, flags=re.MULTILINE)
    anchors = [re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in parts[1::2]]
    return dict(zip(anchors, parts[2::2], strict=True))


def blocks(text: str) -> list[str]:
    """The shell blocks of a text."""
    return re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, int]]:
    """(command, the exit code that may be instead of 0) of each line; a quoted text may span lines."""
    found: list[tuple[str, int]] = []
    pending = ""
    for line in block.splitlines():
        pending += line + "\n"
        if pending.count('"') % 2 == 0:
            command, _, note = pending.strip().partition("  # ") if "\n" not in pending.strip() else (pending, "", "")
            code = re.search(r"exits (\d+)", note or pending)
            found.append((re.sub(r" +# .*", "", command).strip(), int(code[1]) if code else 0))
            pending = ""
    return found


UNIQUE = sorted(set(blocks(RUNBOOK)))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`var` of a small platform: r2 live after r1, r3 in canary, one alert that fires, one silence."""
    var = tmp_path_factory.mktemp("runbook") / "var"
    settings = load(var=var)
    registry = open_registry(settings.resolved_registry_url)
    for release, stage in (("r1", Stage.LIVE), ("r2", Stage.LIVE), ("r3", Stage.CANARY)):
        registry.add_release(release, release, NOW, {})
        registry.move(release, stage, NOW, [])
    failed = Measurement("failed_tasks", {"dag": "ingest_events", "task": "ingest"}, 1.0)
    evaluate_now(settings, registry, load_rules(RULES_FILE), {}, "test", NOW, Reading([failed]))
    registry.alerts.silence({"rule": "x"}, NOW, NOW + timedelta(days=3650), "ann", "known")
    return var


@pytest.fixture
def platform(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small platform, as the only one that commands can find; nothing listens on its ports."""
    shutil.copytree(template, tmp_path / "var")
    for name, value in {
        "HOMEFEED_VAR": str(tmp_path / "var"),
        "HOMEFEED_SERVING__PORT": str(free_port()),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
        "USER": getpass.getuser(),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str) -> tuple[int, str]:
    """Exit code and output: ours in this process, since each start takes seconds, others in a shell."""
    if not command.startswith("homefeed "):
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr
    verb, *arguments = shlex.split(command)[1:]
    result = CliRunner().invoke(build([verb]), [verb, *arguments])
    if isinstance(result.exception, HomefeedError):
        return 2, str(result.exception)
    return result.exit_code, f"{result.output}\n{result.exception!r}"


def known(text: str) -> str:
    """The text with the ids of the small platform."""
    for name, value in IDS.items():
        text = re.sub(rf"\b{name}\b", value, text)
    # Whatever else runs on this machine is not looked at.
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", text)


def test_every_rule_has_a_section_that_says_its_severity_and_has_a_command() -> None:
    known_sections = sections()
    for rule in load_rules(RULES_FILE):
        assert rule.runbook in known_sections, f"docs/runbook.md has no section for {rule.name}: ## {rule.runbook}"
        section = known_sections[rule.runbook].strip()
        assert section.startswith(f"*{rule.severity}.*"), f"{rule.name} is {rule.severity}"
        assert blocks(section), f"the section of {rule.name} has no command"


def test_every_section_of_an_alert_belongs_to_a_rule() -> None:
    listed = {anchor for anchor, text in sections().items() if re.match(r"\*(page|ticket)\.\*", text.strip())}
    assert listed == {rule.runbook for rule in load_rules(RULES_FILE)}


def test_links_within_the_runbook_lead_somewhere() -> None:
    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK)) <= set(sections())


def test_orders_of_the_command_line_that_stand_in_sentences_exist() -> None:
    for words in re.findall(r"`homefeed ([a-z]+)", RUNBOOK):
        assert words in VERBS


@pytest.mark.parametrize("block", UNIQUE, ids=[block.splitlines()[0][:60] for block in UNIQUE])
@pytest.mark.usefixtures("platform")
def test_every_command_of_the_runbook_runs(block: str) -> None:
    for command, other in commands(known(block)):
        code, said = run(command)
        assert code in {0, other}, f"{command}: exit code {code}\n{said}"


@pytest.mark.usefixtures("platform")
def test_every_command_of_a_rule_runs() -> None:
    wanted = {command.format_map(LABELS) for rule in load_rules(RULES_FILE) for command in rule.commands}
    for command in sorted(wanted):
        code, said = run(command)
        # Without a service there is no page, and before the first release no metric.
        is_empty = command.startswith(("homefeed feed", "homefeed metrics"))
        assert code == (2 if is_empty else 0), f"{command}: exit code {code}\n{said}"


def test_a_command_that_does_not_exist_would_be_found(platform: Path) -> None:
    assert run("homefeed release vanish r3")[0] != 0
    assert run("homefeed alert list --colour")[0] != 0
    assert commands('a "b\nc"  # exits 3\nd') == [('a "b\nc"', 3), ("d", 0)]
