"""Releases that change nothing: viewers are drawn whole, calibrators know no more than theirs told them, and the gates
stop as few as they say."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from homefeed.cli.bench.gates import exposures, nobody
from homefeed.cli.chaos import too_many, unchanged
from homefeed.cli.chaos.redrawn import drawn_rows, drawn_viewers, refitted
from homefeed.cli.chaos.table import table
from homefeed.cli.chaos.unchanged import interval, judged
from homefeed.settings import load
from monitoring.evidence import Rows
from monitoring.look import Look


@dataclass
class Inputs:
    """Dense features of exposures, the only ones that the gates under test read."""

    dense: Any

    def take(self, index: Any) -> "Inputs":
        return Inputs(self.dense[index])


def made(seed: int) -> tuple[Rows, Any]:
    rows, truth = exposures(seed)
    return replace(rows, inputs=Inputs(rows.inputs.dense)), truth


class Release:
    """Promises `times` what is true of every exposure; its calibrators were fitted to so many positives."""

    bundle = SimpleNamespace(value=lambda heads: heads["watched"], videos=np.zeros(0, np.int64))

    def __init__(self, truth: Any, fitted_to: int, times: float = 1.0) -> None:
        self._truth, self._fitted_to = (times * truth).astype(np.float32), fitted_to

    def heads(self, rows: Rows) -> dict[str, Any]:
        return dict.fromkeys(("watched", "liked", "subscribed"), self._truth)

    def fitted_to(self, target: str) -> int:
        return self._fitted_to

    def metric(self, part: str, name: str) -> None:
        return None


def test_viewers_are_drawn_whole_and_one_who_is_drawn_twice_is_two() -> None:
    index, own = drawn_viewers(np.array([7, 5, 7, 9]), np.random.default_rng(0))
    viewers = np.array([7, 5, 7, 9])[index]
    for viewer in set(own.tolist()):
        assert sorted(index[own == viewer].tolist()) in ([0, 2], [1], [3])
    assert len(set(own.tolist())) == 3
    assert len(set(viewers.tolist())) < 3, "this seed draws one of them twice"
    rows, _ = made(0)
    # The first viewer's exposures, twice: as many pages again, and none in common.
    mine = np.flatnonzero(rows.users == rows.users[0])
    twice = drawn_rows(rows, np.concatenate([mine, mine]), np.repeat([0, 1], len(mine)))
    assert twice.num_viewers == 2
    assert len(set(twice.requests.tolist())) == 2 * len(set(rows.requests[mine].tolist()))
    assert twice.watched.sum() == 2 * rows.watched[mine].sum()


def test_a_calibrator_knows_what_as_many_other_viewers_told_it() -> None:
    rows, truth = made(1)
    whole = refitted(Release(truth, fitted_to=0, times=1.1), rows, np.random.default_rng(0))
    # What the positives were is not known: right for all viewers together, and a head without a positive stays.
    assert whole == {"watched": pytest.approx(rows.watched.sum() / (1.1 * truth.sum()))}
    draws = [refitted(Release(truth, fitted_to=100), rows, np.random.default_rng(s))["watched"] for s in range(200)]
    # A hundred positives say no more than this about a rate; viewers who differ make it a little wider.
    assert np.std(draws) == pytest.approx(1 / np.sqrt(100), rel=0.2)
    assert np.mean(draws) == pytest.approx(rows.watched.sum() / truth.sum(), abs=0.03)


def look_at(rows: Rows, release: Release) -> Look:
    now, settings = datetime(2026, 11, 23, 22, tzinfo=UTC), load(registry_url="")
    settings = settings.model_copy(update={"rollout": settings.rollout.model_copy(update={"undecided_wait_s": 0.0})})
    entered: Any = SimpleNamespace(id="r1", stage_since=now)
    look = Look(settings, SimpleNamespace(), entered, entered, "20261123T2150Z", now)  # type: ignore[arg-type]
    look.__dict__ |= {"rows": rows, "wanted": nobody(), "span": ("20261123T2000Z", "20261123T2150Z")}
    look.__dict__ |= {"candidate": release, "rival": release}
    return look


def test_hardly_a_release_is_blocked_by_other_viewers_and_what_is_not_judged_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The inputs of these exposures are no ranker's, so newcomers cannot be put before them.
    monkeypatch.setattr(unchanged, "GATES", ("quality", "popularity", "slices", "calibration"))
    rows, truth = made(2)
    # That a head promises twice as much as happened would block every draw, whoever is drawn: it is taken away.
    found = judged(look_at(rows, Release(truth, fitted_to=2_000, times=2.0)), 8, lambda _: None)
    assert (found["releases"], found["blocked"], found["blocked_by"]) == (8, 0, [])
    checks = {row["check"]: row for row in found["checks"]}
    assert checks["calibration"] == {"gate": "G9", "check": "calibration", "judged": 8, "blocked": 0, "waited": 0}
    # No watch was looked for, so the retriever is not judged; nobody liked anything, so no other head is named.
    assert (checks["recall_live"]["judged"], checks["recall_live"]["waited"]) == (0, 8)
    assert "liked_calibration" not in checks
    assert found["positives"] == {"watched": int(rows.watched.sum()), "liked": 0, "subscribed": 0}


def test_a_gate_that_stops_too_many_is_told() -> None:
    assert interval(0, 200)[0] == 0
    assert interval(0, 200)[1] == pytest.approx(0.0183, abs=1e-4)
    low, high = interval(10, 200)
    assert low < 0.05 < high
    of_200 = {"releases": 200, "positives": {"watched": 1_000}, "checks": [], "blocked": 10, "interval": (low, high)}
    # 10 of 200 are surely more than 1 %, and not surely more than 5 %.
    rollouts = {"releases": 200, "aborted": 10, "interval": (low, high)}
    assert too_many(of_200, rollouts, 0.05) == ["10 of 200 unchanged releases were blocked, where 1% may be"]
    assert too_many(None, None, 0.05) == []
    value = {"faults": [], "unchanged": of_200, "rollouts": rollouts, "failures": []}
    lines = [str(part) for part in table(value).renderables]
    assert "10 of 200 unchanged releases aborted in a rollout: with 95 % confidence 2.4% to 9.0%" in lines
