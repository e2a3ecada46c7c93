"""`homefeed evaluate retrieval`: what it prints and writes, and what it refuses."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from homefeed.cli.evaluate import retrieval

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(evaluate: Run) -> Run:
    """`run("--data", ...)` is what the verb answers."""
    return partial(evaluate, "retrieval")


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """60 users who each go on around a ring of 30 items, six of them in a row; so the next item is certain."""
    lines = [f"u{n} i{(n + step) % 30} {100 * n + step}" for n in range(60) for step in range(6)]
    (tmp_path / "ring.txt").write_text("\n".join(lines))
    return tmp_path / "ring.txt"


class Next:
    """Knows the ring: the next item scores most. Keeps what it was given."""

    name = "two_tower"
    made: list[Any] = []  # noqa: RUF012

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        Next.made.append(self)

    def fit(self, train, validate, *, seed, deadline) -> None:
        self.number = np.array([int(item[1:]) for item in train.item_ids])
        self.given = (len(train), validate(), seed, deadline)
        return deadline is not None and time.monotonic() > deadline

    def scores(self, histories):
        newest = self.number[histories.items[:, -1]]
        return -((self.number[None, :] - newest[:, None] - 1) % 30).astype(np.float32)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """`Next` in the place of the two-tower model; the ones that were made."""
    monkeypatch.setattr(retrieval, "_model", Next)
    monkeypatch.setattr(Next, "made", [])
    return Next.made


def test_a_model_stands_next_to_both_baselines(run: Run, ring: Path, model: list[Any], tmp_path: Path) -> None:
    code, out, _ = run("--format", "sequences", "--data", str(ring), "--seed", "5", "--json", "--out", "a/r.json")
    value = json.loads(out)
    assert code == 0
    assert json.loads((tmp_path / "a" / "r.json").read_text()) == value
    # The next item is never among the seen, so it is always first.
    assert value["metrics"] == {"hr_at_10": 1, "ndcg_at_10": 1}
    assert value["intervals"] == {"hr_at_10": [1, 1], "ndcg_at_10": [1, 1]}
    assert (value["model"], value["protocol"], value["seed"]) == ("two_tower", "leave-one-out", 5)
    low, high = value["baselines"]["item_knn"]["intervals"]["ndcg_at_10"]
    assert 0 < low <= value["baselines"]["item_knn"]["ndcg_at_10"] <= high < 1
    # Everything is equally popular, and ties count against it: 30 items, 5 of them seen.
    assert value["baselines"]["most_popular"]["hr_at_10"] == 0
    assert value["counts"]["interactions"] == 360
    assert value["counts"]["train_interactions"] == 240
    assert len(value["settings_digest"]) == 64
    assert value["seconds"] > 0
    assert model[0].given == (240, 1.0, 5, None)
    assert value["training"]["is_cut"] is False


def test_the_minutes_are_those_of_each_training_and_the_result_says_that_they_were_over(
    run: Run, ring: Path, model: list[Any]
) -> None:
    arguments = ("--format", "sequences", "--data", str(ring), "--json", "--max-minutes")
    cut = json.loads(run(*arguments, "0")[1])
    began = time.monotonic()
    whole = json.loads(run(*arguments, "60")[1])
    assert [value["training"]["is_cut"] for value in (cut, whole)] == [True, False]
    # Item-kNN tries the first half of its grid in any case.
    assert [value["baselines"]["item_knn"]["is_cut"] for value in (cut, whole)] == [True, False]
    assert [value["baselines"]["most_popular"]["is_cut"] for value in (cut, whole)] == [False, False]
    # Counted from the start of its own training, which is after both baselines'.
    assert model[1].given[3] >= began + 3600 + whole["baselines"]["item_knn"]["fit_s"] - 0.01


def test_options_go_before_settings_and_settings_before_the_rule(
    run: Run, ring: Path, model: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEFEED_RETRIEVAL__HISTORY_LENGTH", "7")
    monkeypatch.setenv("HOMEFEED_RETRIEVAL__BATCH_SIZE", "77")
    arguments = ("--format", "sequences", "--data", str(ring), "--json", "--max-minutes", "1")
    digests = [json.loads(run(*arguments, "--length", length)[1])["settings_digest"] for length in ("9", "9", "8")]
    settings = model[0].settings
    # 240 training interactions: the rule says 64 wide.
    assert (settings.history_length, settings.batch_size, settings.embedding_dim) == (9, 77, 64)
    # The step size falls over all the passes there are, unless it was said otherwise.
    assert settings.decay_epochs == settings.max_epochs == 100
    run(*arguments, "--epochs", "7")
    monkeypatch.setenv("HOMEFEED_RETRIEVAL__DECAY_EPOCHS", "0")
    run(*arguments, "--epochs", "7")
    assert [(one.settings.max_epochs, one.settings.decay_epochs) for one in model[-2:]] == [(7, 7), (7, 0)]
    assert model[0].given[3] is not None
    assert digests[0] == digests[1] != digests[2]


def test_a_size_that_cannot_be_is_named(run: Run, ring: Path, model: list[Any]) -> None:
    code, _, error = run("--format", "sequences", "--data", str(ring), "--dimension", "0")
    assert (code, "--dimension: Input should be greater than 0 (got 0)" in error) == (2, True)


def test_baselines_alone_need_no_model(run: Run, ring: Path, model: list[Any]) -> None:
    code, out, _ = run("--format", "sequences", "--data", str(ring), "--protocol", "sampled-100", "--baselines-only")
    assert (code, model) == (0, [])
    assert "most_popular" in out
    assert "item_knn" in out
    assert "60 users, 30 items, 360 interactions" in out


def test_the_same_seed_measures_the_same(run: Run, ring: Path) -> None:
    arguments = (
        "--format",
        "sequences",
        "--data",
        str(ring),
        "--protocol",
        "sampled-100",
        "--baselines-only",
        "--json",
    )
    first, again = (json.loads(run(*arguments, "--seed", "3")[1]) for _ in range(2))
    for name in ("most_popular", "item_knn"):
        for metric in ("hr_at_10", "ndcg_at_10", "intervals"):
            assert first["baselines"][name][metric] == again["baselines"][name][metric]


def test_pairs_measure_recall_at_20(run: Run, tmp_path: Path) -> None:
    # Users of even items and users of odd items; the neighbours know who is who, popularity does not.
    rows = [(f"u{n}", [f"i{i}" for i in range(n % 2, 60, 2)]) for n in range(20)]
    parts = {"train": slice(0, 24), "valid": slice(24, 26), "test": slice(26, 30)}
    for name, part in parts.items():
        # Each user has another order, so that every item is in training.
        text = "".join(
            f"{user}\t{item}\n" for n, (user, items) in enumerate(rows) for item in np.roll(items, 3 * n)[part]
        )
        (tmp_path / name).write_text(text)
    code, out, _ = run(
        "--format", "pairs", "--train", "train", "--valid", "valid", "--test", "test", "--baselines-only", "--json"
    )
    baselines = json.loads(out)["baselines"]
    assert code == 0
    # 6 items of a user's kind are unseen and 30 of the other: 20 of 36 by chance, nearly all with a kind in mind.
    assert baselines["most_popular"]["recall_at_20"] < 0.6
    assert baselines["item_knn"]["recall_at_20"] > 0.8
    assert set(baselines["item_knn"]["chosen"]) == {"k", "shrink"}


def test_ncf_measures_over_the_negatives_it_came_with(run: Run, tmp_path: Path) -> None:
    (tmp_path / "train").write_text("".join(f"{u}\t{i}\t5\t{i}\n" for u in range(4) for i in range(3 + u)))
    (tmp_path / "test").write_text("0\t3\t5\t9\n1\t4\t5\t9\n")
    (tmp_path / "negative").write_text("(0,3)\t4\t3\n(1,4)\t0\t1\n")
    files = ("--train", "train", "--test", "test", "--negatives", "negative")
    value = json.loads(run("--format", "ncf", *files, "--baselines-only", "--json")[1])
    # In training item 3 is more popular than 4, and 4 is less than 0 and 1: ranks 0 and 2, gains 1 and 1/2.
    assert value["protocol"] == "given-negatives"
    assert value["baselines"]["most_popular"]["ndcg_at_10"] == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "csv"), "there is no format 'csv'; formats are sequences, pairs, ncf"),
        (("--format", "sequences"), "--format sequences needs --data FILE"),
        (("--format", "pairs", "--train", "a", "--test", "b"), "--format pairs needs --valid FILE"),
        (("--format", "ncf", "--data", "a"), "--format ncf needs --train FILE"),
        (("--format", "sequences", "--data", "a", "--valid", "b"), "does not read --valid; its files are --data"),
        (("--format", "pairs", "--protocol", "leave-one-out"), "--format pairs has no --protocol 'leave-one-out'"),
        (("--format", "sequences", "--protocol", "last"), "sequences: leave-one-out, sampled-100, time-split; pairs:"),
        (("--format", "sequences", "--data", "nowhere"), "nowhere cannot be read: No such file"),
        (("--format", "sequences", "--data", "ring.txt", "--baselines-only", "--layers", "2"), "trains no model"),
        (("--format", "sequences", "--data", "bare.txt", "--protocol", "time-split"), "needs a third column"),
        (("--format", "sequences", "--data", "empty.txt"), "empty.txt is empty"),
        (("--format", "sequences", "--data", "one.txt"), "no user has a test target"),
        (("--format", "sequences", "--data", "latin.txt"), "latin.txt, line 2: not UTF-8"),
        (("--format", "sequences", "--data", "wrong.txt"), "wrong.txt, line 2: 1 columns where 2 are needed"),
    ],
)
def test_what_is_wrong_is_named_and_exits_with_2(
    run: Run, ring: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    files = {"bare.txt": b"u a\nu b\nu c\n", "empty.txt": b"", "one.txt": b"u a", "wrong.txt": b"u a\nu\n"}
    for name, data in {**files, "latin.txt": b"u a\nu \xe9\n"}.items():
        (tmp_path / name).write_bytes(data)
    code, _, error = run(*arguments)
    assert code == 2
    assert message in error
    assert "Traceback" not in error


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["leave-one-out", "sampled-100"])
def test_users_of_one_item_and_items_that_training_has_not_are_counted_and_missed(
    run: Run, tmp_path: Path, protocol: str
) -> None:
    """u wants an item that nobody else has; v had one that is not in training; w and x have too few items."""
    (tmp_path / "log").write_text("u a\nu b\nu c\nu new\nv a\nv other\nv b\nw a\nx c\nx a\n")
    code, out, _ = run(
        "--format", "sequences", "--data", "log", "--protocol", protocol, "--epochs", "1", "--json", "--seed", "1"
    )
    value = json.loads(out)
    assert code == 0
    counts = {name: value["counts"][name] for name in ("test_users", "users_without_test", "targets_not_in_training")}
    assert counts == {"test_users": 2, "users_without_test": 2, "targets_not_in_training": 1}
    # v's item is among the first ten of three for everybody, u's is never found.
    for result in (value["metrics"], *value["baselines"].values()):
        assert result["hr_at_10"] == 0.5
