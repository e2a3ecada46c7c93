"""The benchmark of the simulation measures a real service over HTTP, and answers with every result that it explains."""

import numpy as np
import pytest
from rich.progress import Progress

from homefeed.cli.bench import serving_simulation
from homefeed.settings import load


def test_a_short_run_has_every_result(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_ALONE": 10, "_PAGES": 40, "_MEDIAN_S": 0.002, "_DRAWS": 2}.items():
        monkeypatch.setattr(serving_simulation, name, value)
    progress = Progress(disable=True)
    progress.add_task("")
    results = serving_simulation.run(load(), progress)
    assert set(results) == set(serving_simulation.MEANING)
    assert results["pages"] == 40
    assert all(np.isfinite(value) and value > 0 for value in results.values())
    # A page takes at least as long as the service works on it.
    assert results["measured_p99_ms"] >= results["measured_p50_ms"]
    assert results["p99_ratio"] == pytest.approx(results["predicted_p99_ms"] / results["measured_p99_ms"])
