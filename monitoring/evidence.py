"""What the gates and reports look at: held-out exposures with their features, and what a release says about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed.errors import HomefeedError
from homefeed.features import DENSE_FEATURES
from homefeed.settings import Settings
from monitoring.parity import Parity, measure_parity

#: Reactions whose heads are held against what happened, where enough of them did.
REACTIONS = ("liked", "subscribed")
#: Pseudo-counts of the popularity that a ranker has to beat: one watch in fifty impressions.
_PRIOR_WATCHES, _PRIOR_IMPRESSIONS = 1.0, 50.0


class Bundle(Protocol):
    """What monitoring asks of a bundle; `models.bundle.Bundle` is the one there is."""

    @property
    def manifest(self) -> Any:
        """Its lineage and metrics: `homefeed.manifest.Manifest`."""

    @property
    def path(self) -> Any:
        """Its folder."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """[v, d] of the indexed videos."""

    @property
    def videos(self) -> NDArray[np.int64]:
        """[v] keys, in the order of `vectors`."""

    @property
    def shape(self) -> Any:
        """Lengths of the histories."""

    @property
    def calibrators(self) -> Any:
        """Target -> `models.ranking.calibration.Calibrator`."""

    def queries(self, viewers: Any) -> NDArray[np.float32]:
        """[q, d] of viewers, to be multiplied with `vectors`."""

    def heads(self, inputs: Any) -> dict[str, NDArray[np.float32]]:
        """Target -> [n], calibrated."""

    def value(self, heads: Any) -> NDArray[np.float32]:
        """[n], the score that a page is ranked by."""


@dataclass(frozen=True)
class Rows:
    """n exposures that no release in question was trained on.

    Attributes:
      inputs: features, as a ranker reads them; `take`n by position.
      users: [n] key of the viewer.
      watched: [n] bool.
      weight: [n] how many exposures each stands for.
      sources, devices, countries: [n] str, for slices.
      requests: [n] number of the page, 0 when it is not known.
      videos: [n] key of the video.
      times: [n] microseconds since 1970 UTC.
      reactions: target -> [n] bool, of `REACTIONS`.
    """

    inputs: Any
    users: NDArray[np.int64]
    watched: NDArray[np.bool_]
    weight: NDArray[np.float32]
    sources: NDArray[Any]
    devices: NDArray[Any]
    countries: NDArray[Any]
    requests: NDArray[np.int64]
    videos: NDArray[np.int64]
    times: NDArray[np.int64]
    reactions: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: NDArray[np.int64]) -> "Rows":
        """The exposures at `index` [m]."""
        columns = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name not in ("inputs", "reactions")}
        reactions = {target: column[index] for target, column in self.reactions.items()}
        return Rows(inputs=self.inputs.take(index), reactions=reactions, **columns)

    @property
    def num_viewers(self) -> int:
        """Distinct viewers."""
        return len(np.unique(self.users))

    def feature(self, name: str) -> NDArray[np.float32]:
        """[n] of a dense feature."""
        column: NDArray[np.float32] = self.inputs.dense[:, DENSE_FEATURES.index(name)]
        return column

    @cached_property
    def popularity(self) -> NDArray[np.float32]:
        """[n] watched share of the video in the 7 days before, at the observed rate: what needs no model."""
        watches, impressions = self.feature("video_watches_7d"), self.feature("video_impressions_7d")
        return self.at_observed_rate((watches + _PRIOR_WATCHES) / (impressions + _PRIOR_IMPRESSIONS))

    def at_observed_rate(self, predicted: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n] probabilities scaled by one number so that they promise as many watches as there were."""
        rate = np.clip(predicted, 1e-6, 0.99)
        observed, promised = float((self.watched * self.weight).sum()), float((rate * self.weight).sum())
        return np.asarray(np.clip(rate * (observed / promised if promised else 1.0), 1e-6, 0.99), np.float32)


def read_rows(settings: Settings, bundle: Bundle, first: str, last: str, max_rows: int) -> Rows:
    """Exposures of windows `first` to `last`; of more than `max_rows` the missed ones are sampled and weighted.

    Args:
      settings: the settings tree.
      bundle: gives the lengths of the histories that its ranker reads; releases of the same lengths read the same rows.
      first, last: both included.
      max_rows: upper bound, about.
    """
    return read_rows_of(settings, bundle, [(first, last)], max_rows)[0]


def read_rows_of(settings: Settings, bundle: Bundle, spans: Sequence[tuple[str, str]], max_rows: int) -> list[Rows]:
    """`read_rows` of each span of windows, of `max_rows` each, in hardly more time than of one."""
    from models.ranking.closed_windows import read_spans

    return [_rows(table, examples) for table, examples in read_spans(settings, bundle.shape, spans, max_rows)]


def _rows(table: pa.Table, examples: Any) -> Rows:
    from models.history import microseconds

    def strings(name: str) -> NDArray[Any]:
        return np.asarray(pc.fill_null(table.column(name), "other").to_pylist(), object)

    return Rows(
        inputs=examples.inputs,
        users=examples.users,
        watched=examples.labels["watched"] > 0,
        weight=examples.weight,
        sources=strings("source"),
        devices=strings("device"),
        countries=strings("country"),
        requests=examples.requests,
        videos=examples.inputs.video,
        times=microseconds(table.column("time")),
        reactions={target: examples.labels[target] > 0 for target in REACTIONS},
    )


def replayed(settings: Settings, rows: Rows, index: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Features of the exposures at `index` [m], counted again from the events before each: `monitoring.replay`."""
    from monitoring.replay import Moments, replay

    return replay(settings, Moments(rows.users[index], rows.videos[index], rows.times[index]))


def num_trained_on(settings: Settings, manifest: Any, first: str, last: str) -> int | None:
    """Exposures of windows `first` to `last` that the training of a manifest has read, by event id; None when the
    manifest does not say which version of the exposures that was.

    Raises:
      LakeError: that version is gone.
    """
    from feature_repo.lake_tables import open_tables

    version = manifest.lake_versions.get("exposures")
    if version is None:
        return None
    with open_tables(settings) as now:
        held = now.run(now.table("exposures", first, last).select("event_id"))
    with open_tables(settings, {"exposures": version}) as then:
        trained = then.table("exposures", *manifest.windows)
        both = then.memory(held).semi_join(trained, "event_id").count()
        return int(then.value(both))


def parity(settings: Settings, first: str, last: str, since: datetime, history_length: int) -> Parity:
    """Feature vectors that the service logged in windows `first` to `last`: `monitoring.parity`."""
    return measure_parity(settings, first, last, since, history_length)


class Side:
    """One release and what it says about the rows; everything is computed once, when it is first asked for.

    Attributes:
      release: its id.
      bundle: None when the loader refused it.
      refusal: why it did.
    """

    def __init__(self, settings: Settings, release: str) -> None:
        self.release, self.refusal = release, ""
        self.bundle: Bundle | None = None
        try:
            self.bundle = load(settings, release)
        except (HomefeedError, KeyError, RuntimeError, TypeError, ValueError) as error:
            # What the service could not load either. An OSError is the machine's fault and fails the task instead.
            self.refusal = f"{type(error).__name__}: {error}"
        self._rows: Rows | None = None
        self._heads: dict[str, NDArray[np.float32]] = {}

    def heads(self, rows: Rows) -> dict[str, NDArray[np.float32]]:
        """Target -> [n] calibrated predictions of the exposures."""
        assert self.bundle is not None
        if self._rows is not rows:
            self._rows, self._heads = rows, predict(self.bundle, rows)
        return self._heads

    def fitted_to(self, target: str) -> int:
        """Positives that the calibrator of a head was fitted to; 0 where that is not known."""
        assert self.bundle is not None
        return int(self.bundle.calibrators[target].positives)

    def score(self, rows: Rows) -> NDArray[np.float32]:
        """[n] the score that each exposure would be ranked by."""
        assert self.bundle is not None
        return self.bundle.value(self.heads(rows))

    def metric(self, part: str, name: str) -> float | None:
        """A metric from the manifest, such as `("index", "recall_at_1000")`; None where it was not measured."""
        assert self.bundle is not None
        found = self.bundle.manifest.metrics.get(part, {}).get(name)
        return None if found is None else float(found)


def predict(bundle: Bundle, rows: Rows) -> dict[str, NDArray[np.float32]]:
    """Heads of every row."""
    from models.ranking.closed_windows import predictions

    return predictions(bundle, rows.inputs, len(rows))


def load(settings: Settings, release: str) -> Bundle:
    """The bundle of a release; raises HomefeedError when it is refused."""
    from models.bundle import load_bundle

    bundle: Bundle = load_bundle(settings, release)
    return bundle
