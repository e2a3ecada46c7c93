"""The two arms of a rollout: viewers whom the candidate answers, and a fresh control of the same size that stays on
live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed import windows
from homefeed.buckets import buckets, control_share
from homefeed.registry import Stage
from homefeed.settings.rollout import RolloutSettings
from monitoring.comparison import Estimate, difference, moments_of
from monitoring.sequential import Floats

_WINDOW_US = windows.WINDOW_S * 1_000_000


@dataclass(frozen=True)
class Shares:
    """Shares of the viewers: those whom the candidate answers, and its control from the other end of the buckets."""

    candidate: float
    control: float

    @property
    def expected(self) -> float:
        """The candidate's part of both arms."""
        return self.candidate / (self.candidate + self.control)


def shares(knobs: RolloutSettings, stage: Stage) -> Shares:
    """The shares of a stage; the control is as large as the candidate's arm, or takes all that is left."""
    candidate = knobs.canary_share if stage == Stage.CANARY else knobs.ramp_share
    return Shares(candidate, control_share(candidate))


@dataclass(frozen=True)
class ArmRows:
    """Rows of both arms.

    Attributes:
      rows: n rows, of whatever they were made from.
      users: [n] keys of the viewers.
      look: [n] window of each row, counted from the one in which the stage began.
      is_candidate: [n] whether the candidate answered; else it is the control's.
      looked: [k] whether the gates looked after each window since the stage began; the newest is this look.
    """

    rows: pa.Table
    users: NDArray[np.int64]
    look: NDArray[np.int64]
    is_candidate: NDArray[np.bool_]
    looked: NDArray[np.bool_]

    def compare(self, y: Floats, d: Floats | None = None, x: Floats | None = None) -> Estimate:
        """Candidate minus control at every look: `y` [n] over `d` [n] (None: over viewers), adjusted by `x` [n]."""
        sides = []
        for mine in (self.is_candidate, ~self.is_candidate):
            columns = [None if column is None else column[mine] for column in (d, x)]
            sides.append(moments_of(self.users[mine], self.look[mine], len(self.looked), y[mine], *columns))
        return difference(*sides)

    def viewers(self) -> tuple[int, int]:
        """Viewers of the candidate and of the control."""
        return tuple(len(np.unique(self.users[mine])) for mine in (self.is_candidate, ~self.is_candidate))  # type: ignore[return-value]

    def spending(self, found: Estimate, knobs: RolloutSettings) -> Floats:
        """[k] share of the stage's plan that is over at each look: by viewers or by time, whichever is further.

        A window after which nobody looked, or with too few viewers, decides nothing, so it spends nothing.
        """
        passed = (np.arange(len(self.looked)) + 1) * windows.WINDOW_S / knobs.max_wait_s
        seen = np.nan_to_num(found.num_viewers)
        decides = self.looked & (seen >= knobs.min_viewers)
        return np.where(decides, np.clip(np.maximum(seen / knobs.max_viewers, passed), 0, 1), 0.0)


def arm_rows(
    rows: pa.Table,
    users: NDArray[np.int64],
    candidate: str,
    live: str,
    sizes: Shares,
    since: datetime,
    last: str,
    looks: Sequence[str] = (),
) -> ArmRows:
    """Rows of the two arms among `rows` [n] with `time` and `release`, from `since` on.

    The candidate's are those that it answered, whoever was sent to it; the control's are those of viewers at the other
    end of its buckets that live answered.

    Args:
      rows: n rows.
      users: [n] keys of their viewers.
      candidate, live: the releases.
      sizes: of the arms.
      since: when the stage began.
      last: newest window that is looked at.
      looks: newest window of each look before this one.
    """
    first = windows.window_of(since)
    begin = round(windows.start(first).timestamp() * 1e6)
    is_candidate, by_live = (_is(rows["release"], release) for release in (candidate, live))
    is_control = by_live & (buckets(candidate, users) >= 1 - sizes.control)
    look = (rows["time"].cast(pa.int64()).to_numpy() - begin) // _WINDOW_US
    # A stage begins before its first window is published: that is one look at nothing.
    num_looks = max(1, len(windows.span(first, last)))
    kept = np.flatnonzero((is_candidate | is_control) & (look >= 0) & (look < num_looks))
    looked = np.isin(np.arange(num_looks), [len(windows.span(first, window)) - 1 for window in looks])
    looked[-1] = True
    return ArmRows(rows.take(kept), users[kept], look[kept], is_candidate[kept], looked)


def _is(releases: pa.ChunkedArray, release: str) -> NDArray[np.bool_]:
    """[n] whether a row is of the release; one without is of none."""
    return np.asarray(pc.fill_null(pc.equal(releases, release), False).to_numpy(zero_copy_only=False), bool)
