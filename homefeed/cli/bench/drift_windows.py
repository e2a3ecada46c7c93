"""Windows of exposures made up as the columns that drift is measured on: with an hour of the day, a day of the week,
viewers who come back within a window and a little weather of each window's own."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.columns import FEATURES, LABELS, PREDICTIONS
from monitoring.drift.distance import groups

if TYPE_CHECKING:
    from monitoring.drift.columns import Columns

DAY, WEEK = 144, 1008
#: Deviations that a column moves in a day and between weekdays and weekend, at most.
_DAILY, _WEEKLY = 0.6, 0.3
#: Deviation of each column's mean in one window, beyond what its viewers make: no hour is quite like another.
_WEATHER = 0.03
_EXPOSURES_PER_VIEWER, _VIDEOS = 12, 2_000
_DIMENSIONS, _TOPICS = 16, 12


@dataclass(frozen=True)
class Fault:
    """What is wrong from a window on.

    Attributes:
      feature: name of the feature that is shifted; empty for none.
      by_sd: by so many deviations.
      device_share: what is added to the share of the first device.
      factor: by which watches happen more often than before.
      gone: whether no exposure is from the second source.
    """

    feature: str = ""
    by_sd: float = 0.3
    device_share: float = 0.0
    factor: float = 1.0
    gone: bool = False


class MadeSite:
    """A site without any drift but its seasons, the same for the same seed."""

    def __init__(self, seed: int, num_rows: int) -> None:
        random = np.random.default_rng(seed)
        self._seed, self._num = seed, num_rows
        num = len(FEATURES)
        self._daily, self._phase = random.uniform(0, _DAILY, num), random.uniform(0, 2 * np.pi, num)
        self._weekend = random.uniform(-_WEEKLY, _WEEKLY, num)
        self._is_viewers = np.array([name.startswith("user_") for name in FEATURES])
        self._video_features = random.normal(size=(_VIDEOS, num))
        self._vectors = random.normal(size=(_VIDEOS, _DIMENSIONS)) * np.linspace(2, 0.3, _DIMENSIONS)
        self._topics = random.integers(1, _TOPICS + 1, _VIDEOS)
        self._popularity = random.dirichlet(np.full(_VIDEOS, 0.3))

    def window(self, number: int, fault: Fault | None = None, num_rows: int | None = None) -> "Columns":
        """Columns of window `number`, from 0 on a Monday at midnight; negative ones came before."""
        from monitoring.drift.columns import Columns

        fault, num = fault or Fault(), num_rows or self._num
        random = np.random.default_rng([self._seed, number + 10_000_000])
        hour, is_weekend = 2 * np.pi * (number % DAY) / DAY, (number // DAY) % 7 >= 5
        viewers = random.integers(0, max(num // _EXPOSURES_PER_VIEWER, 1), num)
        videos = random.choice(_VIDEOS, num, p=self._popularity)
        mean = self._daily * np.sin(hour + self._phase) + is_weekend * self._weekend
        mean = mean + random.normal(0, _WEATHER, len(FEATURES))
        tastes = random.normal(size=(int(viewers.max()) + 1, len(FEATURES)))
        shared = np.where(self._is_viewers, tastes[viewers], self._video_features[videos])
        features = mean + 0.8 * shared + 0.6 * random.normal(size=(num, len(FEATURES)))
        if fault.feature:
            column = FEATURES.index(fault.feature)
            features[:, column] += fault.by_sd
        odds = -3 + 0.4 * np.sin(hour) + 0.3 * shared[:, 0] + 0.5 * random.normal(size=num)
        predictions = odds[:, None] - np.linspace(0, 2, len(PREDICTIONS))
        chance = 1 / (1 + np.exp(-odds))
        rates = np.column_stack([chance * fault.factor, chance / 5, chance / 10])
        labels = (random.random((num, len(LABELS))) < rates).astype(np.float64)
        evening = 0.15 * np.sin(hour)
        # A viewer has one device and one country.
        by_viewer = random.random((2, len(tastes)))
        device = 1 + (by_viewer[0][viewers] > 0.6 + evening / 2 + fault.device_share)
        source = 1 + (random.random(num) > 0.7).astype(np.int64) * (0 if fault.gone else 1)
        return Columns(
            features,
            predictions,
            labels,
            {
                "device": device.astype(np.int64),
                "country": 1 + np.searchsorted([0.5, 0.75, 0.9], by_viewer[1])[viewers].astype(np.int64),
                "source": source,
                "topic": self._topics[videos].astype(np.int64),
                "user_language": 1 + (by_viewer[1][viewers] > 0.5).astype(np.int64),
            },
            self._vectors[videos] + 0.0,
            groups(viewers, videos),
            {},
        )

    def span(self, numbers: NDArray[np.int64] | list[int], num_rows: int) -> "Columns":
        """Several windows together, `num_rows` in all; their viewers are others each time."""
        parts = [self.window(int(number), num_rows=max(num_rows // len(numbers), 1)) for number in numbers]
        first = parts[0]
        shift = np.cumsum([0, *(int(part.groups.viewers.max()) + 1 for part in parts[:-1])])
        return replace(
            first,
            features=np.concatenate([part.features for part in parts]),
            predictions=np.concatenate([part.predictions for part in parts if part.predictions is not None]),
            labels=np.concatenate([part.labels for part in parts]),
            categories={name: np.concatenate([part.categories[name] for part in parts]) for name in first.categories},
            vectors=np.concatenate([part.vectors for part in parts if part.vectors is not None]),
            groups=groups(
                np.concatenate([part.groups.viewers + at for part, at in zip(parts, shift, strict=True)]),
                np.concatenate([part.groups.videos for part in parts]),
            ),
        )

    def season(self, number: int, num_rows: int, weeks: int = 2, margin: int = 1) -> "Columns":
        """The same time of the weeks before, as `monitoring.drift.reference.seasonal_reference` reads it."""
        around = range(-margin, margin + 1)
        return self.span([number - week * WEEK + at for week in range(1, weeks + 1) for at in around], num_rows)
