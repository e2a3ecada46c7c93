"""Reading the Open Bandit layout, and the value of a policy from its two public logs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from homefeed.settings.evaluation import EvaluationSettings
from models.evaluation.policy.errors import PolicyError, UnsupportedError
from models.evaluation.policy.evaluation import evaluate
from models.evaluation.policy.open_bandit import read

HEAD = "timestamp,item_id,position,click,propensity_score,user_feature_0\n"
GOOD = "2019-11-24 00:00:00+00:00,7,1,1,0.5,u\n"


@pytest.fixture
def log(tmp_path: Path) -> Callable[..., Path]:
    """`log(bytes)` is the folder of a log of these bytes."""

    def write(data: str | bytes, name: str = "one") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "men.csv").write_bytes(data.encode() if isinstance(data, str) else data)
        return folder

    return write


def rows(shown: str, propensity: dict[str, float], clicked: set[int]) -> str:
    """A log of one position, one row for each letter."""
    return HEAD + "".join(
        f"2019-11-24 00:00:{n % 60:02d}.{n:06d}+00:00,{item},1,{int(n in clicked)},{propensity[item]},u\n"
        for n, item in enumerate(shown)
    )


def test_a_log_is_read_and_a_byte_order_mark_is_no_part_of_it(log) -> None:
    read_log = read(log(b"\xef\xbb\xbf" + (HEAD + GOOD + GOOD.replace(",7,1,1,", ",8,2,0,")).encode() + b"\n\n"))
    assert len(read_log) == 2
    assert read_log.items.to_pylist() == ["7", "8"]
    assert read_log.clicks.tolist() == [1, 0]
    assert read_log.propensities.tolist() == [0.5, 0.5]
    # The same moment and user: one request.
    assert read_log.clusters.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HEAD + GOOD + GOOD.replace("0.5", "0"), "men.csv, line 3: propensity_score: 0 is not a probability above 0"),
        (HEAD + GOOD.replace("0.5", "1.5"), "men.csv, line 2: propensity_score: 1.5 is not a probability"),
        (HEAD + GOOD.replace("0.5", "-0.1"), "men.csv, line 2: propensity_score: -0.1 is not a probability"),
        (HEAD + GOOD.replace("0.5", "nan"), "men.csv, line 2: propensity_score: nan is not a probability"),
        (HEAD + GOOD + GOOD.replace("0.5", ""), "men.csv, line 3: propensity_score is ''; it must be a number"),
        (HEAD + GOOD.replace("0.5", "half"), "men.csv, line 2: propensity_score is 'half'; it must be a number"),
        (HEAD + GOOD.replace(",1,1,", ",1,2,"), "men.csv, line 2: click is 2; it is 0 or 1"),
        (HEAD + GOOD.replace(",7,", ",,"), "men.csv, line 2: item_id is empty"),
        (HEAD.replace("click,", "").replace("position,", "") + "t,7,0.5,u\n", "line 1: no column position, click;"),
        (HEAD + GOOD + "t,7,1\n", "men.csv, line 3: Expected 6 columns, got 3"),
        (HEAD + GOOD + "\n" + GOOD, "men.csv, line 3: timestamp is empty"),
        ("", "men.csv is empty"),
        (" \n\n", "men.csv is empty"),
        (HEAD, "has only its line of column names"),
        ((HEAD + GOOD).encode() + b"t,\xe9,1,0,0.5,u\n", "men.csv, line 3: not UTF-8"),
    ],
)
def test_what_is_wrong_with_a_log_is_named_with_its_line(log, data: str | bytes, message: str) -> None:
    with pytest.raises(PolicyError) as error:
        read(log(data))
    assert message in str(error.value)


def test_a_folder_must_be_there_and_hold_one_log(log, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="there is no folder .*nowhere"):
        read(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "item_context.csv").write_text("item_id\n")
    with pytest.raises(PolicyError, match="it holds none"):
        read(tmp_path / "empty")
    folder = log(HEAD + GOOD)
    (folder / "women.csv").write_text(HEAD + GOOD)
    with pytest.raises(PolicyError, match=r"it holds men.csv, women.csv"):
        read(folder)


def test_estimates_by_hand(log) -> None:
    # a and b half and half, a clicked 20 of 50 and b 5 of 50; the target shows a with 0.9.
    logging = rows("ab" * 50, {"a": 0.5, "b": 0.5}, {*range(0, 40, 2), *range(1, 11, 2)})
    target = rows("aaaaaaaaab" * 10, {"a": 0.9, "b": 0.1}, set(range(37)))
    result = evaluate(read(log(logging)), read(log(target, "two")), EvaluationSettings(), way="propensities", seed=1)
    for name in ("ips", "snips"):
        assert result.estimates[name].value == pytest.approx(0.9 * 0.4 + 0.1 * 0.1)
        assert result.relative_error(name) == pytest.approx(0)
    assert result.estimates["dr"].value == pytest.approx(0.37, abs=0.02)
    assert result.target.value == pytest.approx(0.37)
    assert result.logging.value == pytest.approx(0.25)
    assert result.support.largest == pytest.approx(1.8)
    assert result.support.effective == pytest.approx(100**2 / (50 * 1.8**2 + 50 * 0.2**2))
    assert result.sums == {"1": pytest.approx(1)}


def test_what_the_log_never_shows_is_refused_by_name(log) -> None:
    logging = rows("ab" * 50, {"a": 0.5, "b": 0.5}, {0, 3, 8})
    target = rows("aaac" * 10, {"a": 0.75, "c": 0.25}, {0})
    logs = read(log(logging)), read(log(target, "two"))
    with pytest.raises(UnsupportedError, match=r"25.0% of what the target policy shows .*\(c \(25.0%\)\)"):
        evaluate(*logs, EvaluationSettings(), way="propensities", seed=1)
    accepted = evaluate(*logs, EvaluationSettings(max_unsupported=0.3), way="propensities", seed=1)
    assert accepted.support.unsupported == pytest.approx(0.25)
    assert accepted.support.mean == pytest.approx(0.75)


def test_a_log_without_clicks_or_of_other_positions_is_refused(log) -> None:
    clicked = rows("ab" * 20, {"a": 0.5, "b": 0.5}, {0, 1, 2})
    silent, elsewhere = clicked.replace(",1,1,", ",1,0,"), clicked.replace(",1,0,", ",2,0,").replace(",1,1,", ",2,1,")
    logs = {name: read(log(data, name)) for name, data in {"c": clicked, "s": silent, "e": elsewhere}.items()}
    with pytest.raises(PolicyError, match="none of its 40 impressions was clicked"):
        evaluate(logs["s"], logs["c"], EvaluationSettings(), way="shares", seed=1)
    with pytest.raises(PolicyError, match="has no impression in position 2"):
        evaluate(logs["c"], logs["e"], EvaluationSettings(), way="shares", seed=1)


@pytest.mark.parametrize("way", ["propensities", "shares"])
@pytest.mark.parametrize(("logging", "target"), [("random", "bts"), ("bts", "random")])
def test_public_logs_agree_with_what_the_other_policy_was_worth(public_data, logging, target, way) -> None:
    folder = public_data("open-bandit-men")
    settings = EvaluationSettings()
    result = evaluate(read(folder / logging), read(folder / target), settings, way=way, seed=1)
    clicks = {"random": 46, "bts": 69}
    assert result.target.value == pytest.approx(clicks[target] / 10_000)
    assert (result.counts["clicks"], result.counts["items"], result.counts["positions"]) == (clicks[logging], 34, 3)
    assert result.support.unsupported < 0.001
    assert result.support.mean == pytest.approx(1, abs=0.1)
    for name, estimate in result.estimates.items():
        assert estimate.covers(result.target.value), name
        assert np.isfinite(result.relative_error(name))
