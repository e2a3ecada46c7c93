"""The command line: every verb explains itself, starts light, and says what is wrong with exit code 2."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from homefeed.cli import VERBS

HEAVY = ("tensorflow", "airflow", "feast", "evidently", "bentoml", "scann", "ibis")


def homefeed(*arguments: str, var: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from homefeed.cli import main; main()", *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": str(var), "HOMEFEED_VAR": str(var), "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_lists_every_verb_and_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv = ['homefeed', '--help']\n"
        "from homefeed.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('heavy:', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "heavy: []" in done.stdout
    for verb in VERBS:
        assert f" {verb} " in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, tmp_path: Path) -> None:
    done = homefeed(verb, "--help", var=tmp_path)
    assert done.returncode == 0
    assert re.search(rf"Example: .*homefeed {verb}\b", done.stdout)


def test_status_of_a_new_platform_says_that_nothing_is_live(tmp_path: Path) -> None:
    done = homefeed("status", "--json", var=tmp_path)
    value = json.loads(done.stdout)
    assert (value["live"], value["ingested_until"], value["releases"]) == (None, None, [])
    assert {t["version"] for t in value["tables"]} == {-1}


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (("status",), {"HOMEFEED_SERVING__PORT": "x"}, "HOMEFEED_SERVING__PORT"),
        (("import", "netflix", "."), {}, "netflix"),
        (("import", "movielens", "nowhere"), {}, "nowhere"),
        (("bench", "nothing"), {}, "there is no benchmark 'nothing'"),
    ],
)
def test_wrong_input_is_named_and_exits_with_2(
    arguments: tuple[str, ...], variables: dict[str, str], message: str, tmp_path: Path
) -> None:
    done = homefeed(*arguments, var=tmp_path, **variables)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
