"""`homefeed evaluate policy`: what it prints and writes, and what it refuses."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
HEAD = "timestamp,item_id,position,click,propensity_score\n"


@pytest.fixture
def run(evaluate: Run) -> Run:
    """`run("--data", ...)` is what the verb answers."""
    return partial(evaluate, "policy")


@pytest.fixture
def logs(tmp_path: Path) -> tuple[str, ...]:
    """Two logs: `even` shows a and b alike, `often` shows a with 0.9; and `other`, which shows c."""
    kinds = {"even": ("ab" * 50, 0.5, 0.5), "often": ("aaaaaaaaab" * 10, 0.9, 0.1), "other": ("ac" * 50, 0.5, 0.5)}
    for name, (shown, first, second) in kinds.items():
        (tmp_path / name).mkdir()
        lines = [f"{n},{item},1,{int(n % 5 == 0)},{first if item == 'a' else second}\n" for n, item in enumerate(shown)]
        (tmp_path / name / "men.csv").write_text(HEAD + "".join(lines))
    return ("--format", "open-bandit", "--data", "even", "--target-data", "often")


def test_the_result_is_one_object_with_every_estimate(run: Run, logs: tuple[str, ...], tmp_path: Path) -> None:
    code, out, _ = run(*logs, "--seed", "4", "--json", "--out", "a/r.json")
    value = json.loads(out)
    assert code == 0
    assert json.loads((tmp_path / "a" / "r.json").read_text()) == value
    # Every fifth was clicked, whatever was shown.
    for name in ("ips", "snips", "dm", "dr"):
        estimate = value["estimates"][name]
        assert estimate["value"] == pytest.approx(0.2, abs=0.02)
        assert estimate["low"] < 0.2 < estimate["high"]
        assert estimate["relative_error"] == pytest.approx(abs(estimate["value"] - 0.2) / 0.2)
    assert value["on_policy"]["target"]["value"] == pytest.approx(0.2)
    assert value["support"]["largest"] == pytest.approx(1.8)
    assert value["support"]["unsupported"] == 0
    assert (value["seed"], value["target_from"], value["target_sums"]) == (4, "propensities", {"1": pytest.approx(1)})


def test_people_see_estimates_and_support(run: Run, logs: tuple[str, ...]) -> None:
    code, out, _ = run(*logs, "--target-from", "shares")
    assert code == 0
    for words in ("IPS", "SNIPS", "direct method", "doubly robust", "worth 61 impressions", "largest weight 1.8"):
        assert words in out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("--format", "csv"), "there is no format 'csv'; formats are open-bandit"),
        (("--data", "nowhere"), "there is no folder nowhere"),
        (("--target-data", "nowhere"), "there is no folder nowhere"),
        (("--target-from", "guesses"), "--target-from 'guesses' is not known; it is propensities or shares"),
        (("--target-data", "other"), "50.0% of what the target policy shows is never shown there"),
        (("--data", "zero"), "men.csv, line 3: propensity_score: 0 is not a probability above 0"),
        (("--target-data", "zero"), "men.csv, line 3: propensity_score: 0 is not a probability above 0"),
        (("--data", "blank"), "men.csv is empty"),
    ],
)
def test_what_is_wrong_is_named_and_exits_with_2(
    run: Run, logs: tuple[str, ...], tmp_path: Path, changes: tuple[str, str], message: str
) -> None:
    for name, text in {"zero": HEAD + "0,a,1,1,0.5\n1,b,1,0,0\n", "blank": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "men.csv").write_text(text)
    options = dict(zip(logs[::2], logs[1::2], strict=True)) | {changes[0]: changes[1]}
    code, _, error = run(*(word for pair in options.items() for word in pair))
    assert code == 2
    assert message in error
    assert "Traceback" not in error


def test_more_without_support_can_be_accepted(run: Run, logs: tuple[str, ...]) -> None:
    arguments = (*logs[:-1], "other", "--max-unsupported", "0.6", "--json")
    code, out, _ = run(*arguments)
    value = json.loads(out)
    assert (code, value["support"]["unsupported"]) == (0, pytest.approx(0.5))
    assert value["settings"]["max_unsupported"] == 0.6
