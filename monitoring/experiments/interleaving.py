"""Interleaving: whose picks viewers watched, of two releases that drafted the same pages (`models.interleaving`)."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed import serving_log, windows
from homefeed.lake import open_lake
from homefeed.registry import Experiment
from homefeed.settings import Settings
from models.interleaving import FIRST, NOBODY, SECOND
from monitoring.assignment import sample_ratio_p
from monitoring.comparison import Moments, moments_of
from monitoring.online.ratios import numbers
from monitoring.sequential import Floats, always_valid

Ints = NDArray[np.int64]
_WINDOW_US = windows.WINDOW_S * 1_000_000


@dataclass(frozen=True)
class Preference:
    """How much more viewers watched of the first ranker's picks than of the second's, at each of k looks.

    Attributes:
      estimate, low, high: [k] watches of the first's picks minus those of the second's, over all of them, in [-1, 1];
        low and high are infinite without two viewers or a watch.
      num_viewers: [k] viewers it rests on.
    """

    estimate: Floats
    low: Floats
    high: Floats
    num_viewers: Floats


@dataclass(frozen=True)
class Interleaved:
    """An interleaving as its data stand.

    Attributes:
      name, releases, share: of the experiment; releases are the first and the second.
      first, last: windows that were read; both empty when none was.
      num_pages: pages that both drafted, since the start.
      num_viewers: viewers who had a pick of either on screen.
      shown, watched: picks of the first and of the second that were on screen, and that were watched.
      split_p: chance of so uneven a split of the picks on screen, were the coins fair, at any look.
      is_void: whether the split is broken, so that no preference may be believed.
      windows: the looks.
      preference, low, high: one for each look, as in `Preference`; None where it is not read.
      winner: the release whose picks are surely watched more; empty for none so far.
    """

    name: str
    releases: list[str]
    share: float
    first: str
    last: str
    num_pages: int
    num_viewers: int
    shown: list[int]
    watched: list[int]
    split_p: float
    is_void: bool
    windows: list[str]
    preference: list[float | None]
    low: list[float | None]
    high: list[float | None]
    winner: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def preference(users: Ints, team: Ints, watched: NDArray[np.bool_], alpha: float, expected: float) -> Preference:
    """Whose picks viewers watched, at one look, with an interval that may be read at any time.

    Args:
      users: [n] viewer of each slot that was on screen.
      team: [n] whose pick it was (`models.interleaving`); nobody's count for nothing.
      watched: [n] whether it was watched.
      alpha: chance that the interval misses the truth at any look, ever.
      expected: preference that is found soonest.
    """
    is_pick = np.asarray(team) != NOBODY
    sums = _moments(users[is_pick], np.zeros(is_pick.sum(), np.int64), 1, team[is_pick], watched[is_pick])
    return _preference(sums, alpha, expected)


def read_interleaving(settings: Settings, experiment: Experiment, now: datetime) -> Interleaved:
    """Read an interleaving over the windows from its start until it was stopped, or `now`."""
    knobs = settings.experiments
    first, last = windows.window_of(experiment.started), windows.window_of(experiment.stopped or now)
    pages = serving_log.read(settings.serving_path, "interleaved", first, last)
    pages = pages.filter(pc.equal(pages["experiment"], experiment.name))
    # What was on screen when the experiment stopped is seen a window later at most.
    picks = _picks(settings, pages, first, windows.shift(last, 1))
    users, team = picks["user"].to_numpy(), picks["team"].to_numpy().astype(np.int64)
    watched = numbers(picks["watched"])
    begin = round(windows.start(first).timestamp() * 1e6)
    look = (picks["time"].cast(pa.int64()).to_numpy() - begin) // _WINDOW_US
    num_looks = int(look.max()) + 1 if len(look) else 0
    found = _preference(_moments(users, look, num_looks, team, watched), knobs.false_alarm, knobs.expected_preference)
    looks = np.unique(np.linspace(0, num_looks - 1, min(num_looks, knobs.max_looks)).round().astype(int))
    is_read = (found.num_viewers >= knobs.min_viewers) & np.isfinite(found.low)
    shown = [int((team == side).sum()) for side in (FIRST, SECOND)]
    split_p = sample_ratio_p(shown[0], sum(shown), 0.5)
    is_void = split_p < settings.rollout.min_sample_ratio_p
    estimate, low, high = (
        [float(values[i]) if is_read[i] else None for i in looks] for values in (found.estimate, found.low, found.high)
    )
    return Interleaved(
        name=experiment.name,
        releases=list(experiment.releases),
        share=experiment.arm_list[0].share,
        first=first if num_looks else "",
        last=windows.shift(first, num_looks - 1) if num_looks else "",
        num_pages=pages.num_rows,
        num_viewers=len(np.unique(users)),
        shown=shown,
        watched=[int(watched[team == side].sum()) for side in (FIRST, SECOND)],
        split_p=split_p,
        is_void=is_void,
        windows=[windows.shift(first, int(i)) for i in looks],
        preference=estimate,
        low=low,
        high=high,
        winner="" if is_void else _winner(experiment.releases, low[-1:], high[-1:]),
    )


def _picks(settings: Settings, pages: pa.Table, first: str, last: str) -> pa.Table:
    """`user`, `time`, `watched` and `team` of the exposures of `pages` whose slot one of the releases picked."""
    lengths = pc.list_value_length(pages["teams"]).to_numpy()
    slots = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    drafted = pa.table(
        {
            "request_id": pages["request_id"].take(pc.list_parent_indices(pages["teams"].combine_chunks())),
            "slot": pa.array(slots, pa.int16()),
            "team": pc.list_flatten(pages["teams"]),
        }
    )
    drafted = drafted.filter(pc.not_equal(drafted["team"], NOBODY))
    columns = ["request_id", "slot", "user", "time", "watched"]
    shown = open_lake(settings.lake_path).read("exposures", (first, last), columns=columns)
    return shown.join(drafted, ["request_id", "slot"], join_type="inner")


def _moments(users: Ints, look: Ints, num_looks: int, team: Ints, watched: NDArray[Any]) -> Moments:
    """A viewer is one observation, however many pages it saw: its balance of watches, and its watches."""
    seen = np.asarray(watched, np.float64)
    return moments_of(users, look, num_looks, np.where(team == FIRST, 1.0, -1.0) * seen, seen)


def _preference(sums: Moments, alpha: float, expected: float) -> Preference:
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = sums.y / sums.d
        # Around no preference, so that few watches that all agree are not taken to be certain.
        half = always_valid(sums.yy / sums.d**2, alpha, expected)
    half = np.where((sums.n >= 2) & (sums.d > 0), half, np.inf)
    return Preference(estimate, np.nan_to_num(estimate) - half, np.nan_to_num(estimate) + half, sums.n)


def _winner(releases: list[str], low: list[float | None], high: list[float | None]) -> str:
    if not low or low[0] is None or high[0] is None:
        return ""
    return releases[0] if low[0] > 0 else releases[1] if high[0] < 0 else ""
