"""`homefeed bench gates`: how often the fixed gates block a release that is as good as live, and find one that is not.

Each release is judged by exposures of 1,000 other viewers. What a viewer is in the mood for is known to no model, so
that the exposures of one viewer stand and fall together; the models know the rest, and are calibrated.
"""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from homefeed.settings import Settings

if TYPE_CHECKING:
    from monitoring.evidence import Rows
    from monitoring.retrieved import Wanted

_RELEASES, _FAULTY = 200, 20
_VIEWERS, _ROWS = 1_000, 8_000
_MOOD, _RETRAINED = 0.3, 0.1
_AT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
_GATES = ("quality", "popularity", "slices", "calibration")
MEANING = {
    "unchanged_blocked": f"Share of {_RELEASES} releases blocked that predict exactly what live predicts, each on "
    "other viewers.",
    "retrained_blocked": f"Share of {_RELEASES} releases blocked that are as good as live: both know the truth up to "
    f"their own noise of {_RETRAINED} in the log-odds.",
    "undecided_at_once": f"Share of {_FAULTY} unchanged releases of which some comparison waits for more exposures at "
    "the first look.",
    "times_1_3_found": f"Share of {_FAULTY} releases with scores times 1.3 that calibration blocks.",
    "times_1_3_others": "Share of these that another gate blocks as well; it should be 0.",
    "new_viewers_found": f"Share of {_FAULTY} releases that slices block: of new viewers' exposures they "
    "know the mean alone.",
    "gate_s": "Mean seconds of the four gates for one release of 8,000 exposures.",
}


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Look at every release once its patience is over."""
    task = progress.add_task("releases", total=2 * _RELEASES + 2 * _FAULTY)
    found: dict[str, list[Any]] = {name: [] for name in ("unchanged", "retrained", "times_1_3", "new_viewers")}
    waited, began = [], time.perf_counter()
    for seed in range(_RELEASES):
        rows, truth = exposures(seed)
        found["unchanged"].append(failed(settings, rows, truth, truth))
        if seed < _FAULTY:
            waited.append(is_undecided(settings, rows, truth))
        found["retrained"].append(failed(settings, rows, blurred(truth, _RETRAINED, 1), blurred(truth, _RETRAINED, 2)))
        progress.advance(task, 2)
    for seed in range(_RELEASES, _RELEASES + _FAULTY):
        rows, truth = exposures(seed)
        found["times_1_3"].append(failed(settings, rows, np.minimum(1.3 * truth, 0.999), truth))
        is_new = rows.feature("history_size") == 0
        found["new_viewers"].append(failed(settings, rows, np.where(is_new, truth.mean(), truth), truth))
        progress.advance(task, 2)
    looks = 2 * (_RELEASES + _FAULTY) + _FAULTY
    return {
        "unchanged_blocked": _share(bool(gates) for gates in found["unchanged"]),
        "retrained_blocked": _share(bool(gates) for gates in found["retrained"]),
        "undecided_at_once": _share(bool(gates) for gates in waited),
        "times_1_3_found": _share("calibration" in gates for gates in found["times_1_3"]),
        "times_1_3_others": _share(bool(gates - {"calibration"}) for gates in found["times_1_3"]),
        "new_viewers_found": _share("slices" in gates for gates in found["new_viewers"]),
        "gate_s": (time.perf_counter() - began) / looks,
    }


def exposures(seed: int) -> "tuple[Rows, NDArray[np.float64]]":
    """Exposures of viewers that no other seed has, and the chance of each of a watch, its viewer's mood not known."""
    from homefeed.features import DENSE_FEATURES
    from monitoring.evidence import Rows

    random = np.random.default_rng(seed)
    odds = random.normal(-2.9, 1.1, _ROWS)
    users = random.integers(0, _VIEWERS, _ROWS)
    mood = random.normal(0, _MOOD, _VIEWERS)[users]
    # The mean over moods, by Gauss's rule for a normal weight.
    nodes, weights = np.polynomial.hermite_e.hermegauss(7)
    chance = _sigmoid(odds[:, None] + _MOOD * nodes) @ (weights / weights.sum())
    dense = np.zeros((_ROWS, len(DENSE_FEATURES)), np.float32)
    dense[:, DENSE_FEATURES.index("history_size")] = users % 5 > 2
    dense[:, DENSE_FEATURES.index("video_impressions_7d")] = random.integers(1, 1000, _ROWS)
    dense[:, DENSE_FEATURES.index("video_watches_7d")] = random.integers(0, 50, _ROWS)
    countries = np.array(["DE", "FR", "IS"], object)[np.minimum(users % 4, 2)]
    nothing = np.zeros(_ROWS, bool)
    rows = Rows(
        inputs=SimpleNamespace(dense=dense),
        users=users,
        watched=random.random(_ROWS) < _sigmoid(odds + mood),
        weight=np.ones(_ROWS, np.float32),
        sources=np.full(_ROWS, "two_tower", object),
        devices=np.array(["phone", "tv"], object)[users % 2],
        countries=countries,
        requests=1 + users,
        videos=np.arange(_ROWS),
        times=np.zeros(_ROWS, np.int64),
        reactions={"liked": nothing, "subscribed": nothing},
    )
    return rows, chance


def blurred(chance: NDArray[np.float64], deviation: float, seed: int) -> NDArray[np.float64]:
    """Noise in the log-odds of chances [n], which keeps their mean."""
    noisy = _sigmoid(np.log(chance / (1 - chance)) + np.random.default_rng(seed).normal(0, deviation, len(chance)))
    return np.asarray(noisy * chance.mean() / noisy.mean())


def failed(settings: Settings, rows: "Rows", mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> set[str]:
    """Names of the gates that block a release with predictions `mine` [n] while live's are `theirs` [n]."""
    return _gates(settings, rows, mine, theirs, settings.rollout.undecided_wait_s, "fail")


def is_undecided(settings: Settings, rows: "Rows", truth: NDArray[np.float64]) -> set[str]:
    """Gates that wait at the first look."""
    return _gates(settings, rows, truth, truth, 0.0, "wait") - {"popularity"}


def _gates(
    settings: Settings,
    rows: "Rows",
    mine: NDArray[np.float64],
    theirs: NDArray[np.float64],
    waited_s: float,
    verdict: str,
) -> set[str]:
    from monitoring import gates
    from monitoring.look import Look

    release: Any = SimpleNamespace(id="candidate", stage_since=_AT)
    look = Look(settings, None, release, release, "20261123T2150Z", _AT + timedelta(seconds=waited_s))  # type: ignore[arg-type]
    # What a look reads when it is asked is given to it here.
    look.__dict__ |= {"rows": rows, "wanted": nobody(), "span": ("20261123T2000Z", "20261123T2150Z")}
    look.__dict__ |= {"candidate": _Side(mine), "rival": _Side(theirs)}
    chosen = [gate for gate in gates.OFFLINE if gate.__name__ in _GATES]
    return {
        gate.__name__
        for gate in chosen
        if any(check.verdict == verdict and not check.name.startswith("recall") for check in gate(look))
    }


def nobody() -> "Wanted":
    """No watch that a retriever should have found."""
    from monitoring.retrieved import Wanted

    none = np.zeros(0, np.int64)
    return Wanted(none, none, {"history_videos": np.zeros((0, 1), np.int64)})


class _Side:
    """A release that is nothing but its predictions [n]; its catalogue is empty."""

    bundle = SimpleNamespace(videos=np.zeros(0, np.int64))

    def __init__(self, watched: NDArray[np.float64]) -> None:
        self._heads = dict.fromkeys(("watched", "liked", "subscribed"), watched.astype(np.float32))

    def heads(self, _: "Rows") -> dict[str, NDArray[np.float32]]:
        return self._heads

    def fitted_to(self, _: str) -> int:
        return 0

    def score(self, _: "Rows") -> NDArray[np.float32]:
        return self._heads["watched"]

    def metric(self, *_: str) -> None:
        return None


def _share(of: Any) -> float:
    return float(np.mean([*of]))


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))
