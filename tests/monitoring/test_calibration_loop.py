"""A live ranker that suddenly promises 1.3 times what happens: window after window, through the real refit, its record,
the source of the alerts and their rules. Exposures are made by hand; `tests/models/ranking/test_recalibration.py` reads
them from a lake."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from homefeed import windows
from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.registry import AlertState, Registry, Stage, open_registry
from homefeed.settings import Settings
from models import bundle as bundles
from models.bundle.store import BundleError
from models.ranking import recalibration
from models.ranking.adjustment import adjustment_files, newest_adjustment
from models.ranking.calibration import IDENTITY
from models.ranking.examples import Examples, Inputs
from monitoring.alerts.evaluation import evaluate_now
from monitoring.alerts.rules import load_rules
from monitoring.live_calibration import KIND, calibrate_window
from monitoring.retraining import start_retraining

FIRST = "20261124T1200Z"
ROWS = 5_000
CHANCE = DENSE_FEATURES.index("user_topic_affinity")


class Live:
    """The live release: promises the chance that stands in a feature, and was right when it was made."""

    release, shape = "r1", SimpleNamespace(history_length=1, ranker_history_length=1)
    manifest = SimpleNamespace(windows=("20261123T0000Z", "20261123T0000Z"))
    calibrators = dict.fromkeys(TARGETS, IDENTITY)

    def uncalibrated(self, inputs: Any) -> Any:
        raw = np.zeros((len(inputs.dense), len(TARGETS)), np.float32)
        raw[:, TARGETS.index("watched")] = inputs.dense[:, CHANCE]
        return raw


def exposures(window: str, factor: float) -> tuple[pa.Table, Examples]:
    """Exposures of one window, one of each viewer, of which one in ten is watched when `factor` is 1; it is promised
    that many times as often as it happens."""
    random = np.random.default_rng(int(windows.start(window).timestamp()) // 600)
    chance = random.uniform(0.02, 0.18, ROWS).astype(np.float32)
    dense = np.zeros((ROWS, len(DENSE_FEATURES)), np.float32)
    dense[:, CHANCE] = chance
    labels = {target: np.zeros(ROWS, np.float32) for target in TARGETS}
    labels["watched"] = (random.random(ROWS) < chance / factor).astype(np.float32)
    keys, one = np.arange(ROWS), np.ones(ROWS, np.float32)
    columns = {f: keys for f in Inputs.__dataclass_fields__ if f != "dense"}
    made = Examples(Inputs(dense=dense, **columns), labels, one, keys, keys, keys, one)  # type: ignore[arg-type]
    return pa.table({"window": [window] * ROWS}), made


class Loop:
    """Window after window as the DAG `monitor_release` does them."""

    def __init__(self, settings: Settings, registry: Registry, factors: list[float], patch: pytest.MonkeyPatch) -> None:
        self.settings, self.registry, self.rules = settings, registry, load_rules()
        self.factors = {windows.shift(FIRST, i): factor for i, factor in enumerate(factors)}
        patch.setattr(recalibration, "read_spans", lambda _, shape, spans, most: [self._read(*span) for span in spans])
        patch.setattr(bundles, "load_bundle", _load)

    def _read(self, first: str, last: str) -> tuple[pa.Table, Examples]:
        found = [exposures(w, self.factors[w]) for w in windows.span(first, last) if w in self.factors]
        examples = [made for _, made in found]
        joined = {f: np.concatenate([getattr(e.inputs, f) for e in examples]) for f in examples[0].inputs.columns()}
        labels = {t: np.concatenate([e.labels[t] for e in examples]) for t in TARGETS}
        num = len(labels["watched"])
        keys, one = np.arange(num), np.ones(num, np.float32)
        return pa.concat_tables([t for t, _ in found]), Examples(Inputs(**joined), labels, one, keys, keys, keys, one)

    def close(self, window: str) -> Any:
        """What the tasks `calibration`, `retraining` and `alerts` do once `window` is published: of the head watched
        what became of it, the alerts that fire, and the training that was started."""
        done = calibrate_window(self.settings, window)
        started = start_retraining(self.settings, window)
        now = windows.end(window) + timedelta(minutes=20)
        evaluate_now(self.settings, self.registry, self.rules, {}, "airflow", now)
        fires = [a for a in self.registry.alerts.open() if a.rule == "miscalibrated" and a.state == AlertState.FIRING]
        return SimpleNamespace(**done["r1"]["heads"]["watched"]), fires, started


def _load(settings: Settings, release: str) -> Live:
    if release != "r1":
        raise BundleError(f"{release} is damaged")
    return Live()


@pytest.fixture
def registry(settings: Settings) -> Registry:
    """`r1` is live."""
    registry = open_registry(settings.resolved_registry_url)
    registry.add_release("r1", "r1", windows.start("20261123T0100Z"), {})
    registry.move("r1", Stage.LIVE, windows.start("20261123T0100Z"), [])
    return registry


def test_1_3_times_too_much_is_alerted_refitted_and_resolved_in_four_windows_without_training(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop(settings, registry, [1.0] * 8 + [1.3] * 4, monkeypatch)
    names = list(loop.factors)
    quiet, fires, _ = loop.close(names[7])
    assert 0.85 < quiet.old_calibration < 1.15
    assert fires == []
    # The first window with the fault: measured, and not enough for an alert. What it could be fitted to was right.
    one, fires, _ = loop.close(names[8])
    assert one.old_low > 1.05
    assert (fires, one.is_refitted and one.new_calibration < 1.15) == ([], False)
    # The second: alerted, and fitted again to the one window that has the fault.
    two, (alert,), started = loop.close(names[9])
    assert 1.2 < alert.value < 1.45
    assert (two.is_refitted, two.fitted_windows, started) == (True, 1, None)
    assert two.new_calibration == pytest.approx(1.0, abs=0.12)
    assert alert.content["done"].startswith("Fitted again: ")
    # What the service answers with from now on.
    answered = newest_adjustment(settings, "r1")
    assert answered is not None
    assert answered.calibrators["watched"](np.array([0.13], np.float32)) == pytest.approx([0.1], abs=0.025)
    # The third: right, and resolved.
    three, fires, started = loop.close(names[10])
    assert three.old_low < 1 < three.old_high
    assert (fires, started) == ([], None)
    assert [row.state for row in registry.alerts.newest() if row.rule == "miscalibrated"] == [AlertState.RESOLVED]
    assert loop.close(names[11])[1:] == ([], None)


def test_what_no_refit_mends_stays_alerted_and_starts_a_training(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each window has 1.4 times fewer watches than the one before: a calibrator is a window late every time."""
    loop = Loop(settings, registry, [1.0] * 8 + [1.4, 1.96, 2.74, 3.84], monkeypatch)
    looks = [loop.close(window) for window in list(loop.factors)[8:]]
    assert [bool(fires) for _, fires, _ in looks] == [False, True, True, True]
    assert [started is not None for _, _, started in looks] == [False, False, True, False]
    assert "watched promises" in looks[2][2].reason
    assert "A training on windows up to" in looks[3][1][0].content["done"]


def test_a_head_of_one_class_is_not_measured_and_keeps_its_calibrator(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop(settings, registry, [1.0] * 3, monkeypatch)
    window = list(loop.factors)[2]
    liked = calibrate_window(settings, window)["r1"]["heads"]["liked"]
    assert (liked["is_refitted"], liked["old_calibration"]) == (False, None)
    assert "0 of the 200 positives" in liked["reason"]
    evaluate_now(settings, registry, loop.rules, {}, "airflow", windows.end(window))
    assert not [a for a in registry.alerts.open() if a.labels.get("head") == "liked"]
    assert len(adjustment_files(settings, "r1")) <= 1


def test_a_damaged_release_in_rollout_does_not_keep_the_live_one_from_its_calibration(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = list(Loop(settings, registry, [1.0] * 3, monkeypatch).factors)[2]
    registry.add_release("r2", "r2", windows.start("20261124T1200Z"), {})
    done = calibrate_window(settings, window)
    assert done["r2"] == {"refused": "r2 is damaged"}
    assert done["r1"]["heads"]["watched"]["old_calibration"] == pytest.approx(1, abs=0.15)
    assert [(report.release, report.window) for report in registry.reports(KIND)] == [("r1", window)]


def test_without_a_live_release_nothing_is_calibrated(settings: Settings) -> None:
    assert calibrate_window(settings, FIRST) == {}


def test_nor_is_one_that_only_another_version_of_the_code_computes(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.bundle.another_version", lambda _, release: f"{release} lacks weights")
    assert calibrate_window(settings, FIRST) == {}
    assert not registry.reports(KIND)
