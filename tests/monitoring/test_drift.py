"""Drift of exposures that are made up: distances by hand, what is found, what is not, and what can go missing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from stub_bundle import StubBundle, stub_rows
from stub_site import WINDOW

from homefeed import windows
from homefeed.cli.bench.drift_windows import DAY, Fault, MadeSite
from homefeed.features import DENSE_FEATURES
from homefeed.registry import Report
from homefeed.settings import Settings, load
from homefeed.settings.monitoring import MonitoringSettings
from models.ranking.reference import REFERENCE_FILE
from monitoring.drift import Drift, NotMeasured, measure, measure_drift, reference
from monitoring.drift.columns import columns_of
from monitoring.drift.comparison import compare
from monitoring.drift.distance import Groups, groups, mean_variance, number_distances, rate_distances, share_distance
from monitoring.drift.lasting import lasting, words
from monitoring.drift.reference import Basis, Reference, even_sample
from monitoring.evidence import Rows

WATCHES = DENSE_FEATURES.index("video_watches_24h")


def alone(num: int) -> Groups:
    return groups(np.arange(num), np.arange(num))


def measured(settings: Settings, rows: Rows, window: str | None = None) -> Drift | NotMeasured:
    bundle = StubBundle(settings.models_path)
    return measure_drift(settings, bundle, rows, bundle.heads(rows.inputs), settings.reports_path, window)


# Distances.


def test_a_shift_of_one_deviation_is_one_and_nothing_known_is_nothing() -> None:
    """-1 and 1 have a deviation of 1; moved by 1 each is 1 away. A column without a value has no distance."""
    before = np.array([[-1.0, np.nan], [1.0, np.nan]] * 200)
    found = number_distances(before + 1, before, alone(400), alone(400))
    assert found.values.tolist() == pytest.approx([1.0, np.nan], nan_ok=True)
    # Two means of 400 independent rows of variance 1.
    assert found.chance[0] == pytest.approx((2 / 400) ** 0.5)
    assert np.isnan(number_distances(before[:0], before, alone(0), alone(400)).values).all()


def test_a_constant_column_is_compared() -> None:
    before = np.full((10, 1), 720.0)
    assert number_distances(before, before, alone(10), alone(10)).values.tolist() == [0.0]
    assert number_distances(before + 1, before, alone(10), alone(10)).values.tolist() == [1000.0]


def test_rows_of_one_viewer_are_one_piece_of_evidence() -> None:
    """Four rows of two viewers who are alike in themselves: the variance of a mean of two, not of four."""
    values = np.array([[-1.0], [-1.0], [1.0], [1.0]])
    assert mean_variance(values, alone(4)) == pytest.approx([1 / 4])
    assert mean_variance(values, groups(np.array([7, 7, 9, 9]), np.arange(4))) == pytest.approx([1 / 2])


def test_shares_and_rates_by_hand() -> None:
    """A half to three quarters is a quarter; 1 of 4 to 2 of 4 is log 2; without a watch on a side there is no ratio."""
    distance, _, shares = share_distance(np.array([1, 1, 1, 2]), np.array([1, 1, 2, 2]), alone(4), alone(4))
    assert (distance, shares[1]) == (0.25, (0.5, 0.75))
    now, then = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], float), np.array([[1, 1], [0, 0], [0, 0], [0, 0]], float)
    found = rate_distances(now, then, alone(4), alone(4)).values
    assert found.tolist() == pytest.approx([np.log(2), np.nan], nan_ok=True)


def test_a_sampled_row_is_as_likely_as_each_of_the_exposures_it_stands_for() -> None:
    """Half of the rows stand for four: they are four fifths of an even sample."""
    weight = np.tile(np.array([1, 4], np.float32), 20_000)
    assert (weight[even_sample(weight, 10_000, seed=0)] == 4).mean() == pytest.approx(0.8, abs=0.02)


# One look, against what calibrated the release.


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture: Evidently takes seconds, and one test of it is enough."""
    monkeypatch.setattr(measure, "draw", lambda *_: None)


def test_the_column_that_moved_is_named_and_drawn(settings: Settings) -> None:
    rows = stub_rows(2_000)
    rows.inputs.dense[:, WATCHES] += 1
    found = measured(settings, rows)
    assert isinstance(found, Drift)
    assert found.drifted == ["video_watches_24h"]
    assert (found.basis, found.num_current, found.num_reference) == (Basis.TRAINING, 2_000, 6_000)
    assert "video_watches_24h" in found.html.read_text()
    assert '"video_watches_24h"' in found.json.read_text()
    # The reference of the stub is from before categories were kept: said, not passed over.
    assert "device: not in the reference" in found.missing


@pytest.mark.usefixtures("undrawn")
def test_too_few_exposures_and_a_reference_that_is_missing_say_so(settings: Settings) -> None:
    few = measured(settings, stub_rows(199))
    assert few == NotMeasured("199 of the 200 exposures it takes")
    bundle, rows = StubBundle(settings.models_path), stub_rows(500)
    (Path(bundle.path) / REFERENCE_FILE).unlink()
    found = measure_drift(settings, bundle, rows, bundle.heads(rows.inputs), settings.reports_path)
    assert isinstance(found, NotMeasured)
    assert REFERENCE_FILE in found.reason
    pq.write_table(pq.ParquetFile(_broken(bundle)).read().slice(0, 10), Path(bundle.path) / REFERENCE_FILE)
    found = measure_drift(settings, bundle, rows, bundle.heads(rows.inputs), settings.reports_path)
    assert found == NotMeasured("the reference holds 10 of the 200 exposures it takes")


def _broken(bundle: StubBundle) -> Path:
    """The stub's reference, written again beside where it belongs."""
    other = Path(bundle.path) / "again"
    return Path(StubBundle(other).path) / REFERENCE_FILE


@pytest.mark.usefixtures("undrawn")
def test_one_class_only_has_no_rate_and_everything_else(settings: Settings) -> None:
    rows = replace(stub_rows(1_000), watched=np.zeros(1_000, bool))
    found = measured(settings, rows)
    assert isinstance(found, Drift)
    assert "watched: nothing to compare on one side" in found.missing
    assert "predicted_watched" in found.distances


@pytest.mark.usefixtures("undrawn")
def test_settings_reach_the_look(settings: Settings) -> None:
    quick = load(var=settings.var, monitoring=MonitoringSettings(sample_rows=300, drift_threshold=10))
    rows = stub_rows(1_000)
    rows.inputs.dense[:, WATCHES] += 1
    found = measured(quick, rows)
    assert isinstance(found, Drift)
    assert (found.num_reference, found.num_current, found.drifted) == (6_000, 300, [])


# One look, against the season.


def with_season(
    monkeypatch: pytest.MonkeyPatch, rows: Rows, basis: Basis = Basis.WEEKS, then: Rows | None = None
) -> None:
    """The season of now is `rows`; that of when the release was made is `then`, by default the same."""

    def season(settings: Settings, bundle: StubBundle, window: str) -> Reference:
        held = rows if window == WINDOW or then is None else then
        return Reference(basis, columns_of(held, bundle.heads(held.inputs), bundle), ((WINDOW, WINDOW),))

    monkeypatch.setattr(measure, "seasonal_reference", season)
    monkeypatch.setattr(measure, "draw", lambda *_: None)


def moved(seed: int, by: float = 1.0) -> Rows:
    rows = stub_rows(2_000, seed)
    rows.inputs.dense[:, WATCHES] += by
    return rows


def test_what_is_as_at_the_same_time_of_earlier_weeks_is_no_drift(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evening: far from what calibrated the release, and as last week."""
    with_season(monkeypatch, moved(4))
    found = measured(settings, moved(3), WINDOW)
    assert isinstance(found, Drift)
    assert (found.basis, found.drifted) == (Basis.WEEKS, [])


def test_what_was_like_the_training_and_is_unlike_its_season_is_drift(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shift happens to lead to where the training was, at another hour: it is drift all the same."""
    with_season(monkeypatch, moved(4), then=stub_rows(2_000, 5))
    found = measured(settings, stub_rows(2_000, 3), WINDOW)
    assert isinstance(found, Drift)
    assert found.drifted == ["video_watches_24h"]


def test_a_drift_that_the_release_has_learned_is_quiet(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its season was unlike the training already when it was made, by the same column."""
    with_season(monkeypatch, moved(4), then=moved(5))
    found = measured(settings, stub_rows(2_000, 3), WINDOW)
    assert isinstance(found, Drift)
    assert (found.drifted, found.learned) == ([], ["video_watches_24h"])


def test_without_a_week_of_history_a_column_has_to_be_unlike_both(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_season(monkeypatch, moved(4), Basis.DAYS)
    saturday = measured(settings, stub_rows(2_000, 3), WINDOW)
    shifted = measured(settings, moved(3, by=3), WINDOW)
    assert isinstance(saturday, Drift)
    assert isinstance(shifted, Drift)
    assert (saturday.drifted, shifted.drifted) == ([], ["video_watches_24h"])


def test_as_few_of_the_newest_windows_as_hold_enough_are_compared(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exposures of a window that lies ahead, because a clock jumped, are in none of them."""
    with_season(monkeypatch, stub_rows(2_000, 4))
    start = int(windows.start(WINDOW).timestamp() * 1e6)
    times = np.repeat([start + 1, start - 1, start + 1_200_000_000], [4_000, 1_000, 1_000])
    small = load(var=settings.var, monitoring=MonitoringSettings(drift_rows=4_000))
    rows = replace(stub_rows(6_000), times=times)
    found = measured(small, rows, WINDOW)
    assert isinstance(found, Drift)
    assert (found.windows, found.num_current) == ((WINDOW, WINDOW), 4_000)
    found = measured(settings, rows, WINDOW)
    assert isinstance(found, Drift)
    assert (found.windows, found.num_current) == ((windows.shift(WINDOW, -1), WINDOW), 5_000)


@pytest.mark.parametrize(
    ("back", "basis", "num_spans"),
    [((1008, 144), Basis.WEEKS, 1), ((1008, 2016), Basis.WEEKS, 2), ((432, 144), Basis.DAYS, 1), ((6,), None, 0)],
)
def test_the_season_is_the_same_time_of_earlier_weeks_else_of_the_days_of_its_kind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, back: tuple[int, ...], basis: Basis | None, num_spans: int
) -> None:
    """`back`: how many windows ago there were exposures, in one window each. The window is a Monday's: the day before
    it was a Sunday, and Friday was three days ago."""
    held = {windows.shift(WINDOW, -at) for at in back}
    monkeypatch.setattr(reference, "_held", lambda _: held)
    monkeypatch.setattr(reference, "read_rows_of", lambda _, __, spans, ___: [stub_rows(1_000) for _ in spans])
    found = reference.seasonal_reference(settings, StubBundle(settings.models_path), WINDOW)
    if basis is None:
        assert found is None
        return
    assert isinstance(found, reference.Reference)
    assert (found.basis, len(found.spans), len(found.columns)) == (basis, num_spans, 1_000 * num_spans)
    assert found.spans[0] == (windows.shift(WINDOW, -back[0] - 1), windows.shift(WINDOW, -back[0] + 1))


def test_the_first_workday_after_a_first_weekend_is_not_measured(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing tells a Monday from a drift on a site that began on Saturday."""
    held = {windows.shift(WINDOW, -at) for at in (144, 288)}
    monkeypatch.setattr(reference, "_held", lambda _: held)
    found = measured(settings, moved(3, by=3), WINDOW)
    assert isinstance(found, NotMeasured)
    assert "no day of its kind" in found.reason


@pytest.mark.parametrize(
    ("day", "back"),
    [("20261123", [3]), ("20261125", [1, 2]), ("20261128", []), ("20261129", [1]), ("20261127", [1, 2, 3])],
)
def test_days_of_one_kind_are_workdays_or_a_weekend(day: str, back: list[int]) -> None:
    """A Monday, a Wednesday, a Saturday, a Sunday and a Friday."""
    assert reference.days_alike(f"{day}T2350Z", (6, 7)) == back
    assert reference.days_alike(f"{day}T0000Z", ()) == [1, 2, 3], "a site without weekends"


# Many looks at a site with seasons.


def drifted(settings: Settings, site: MadeSite, number: int, fault: Fault | None = None) -> dict[str, Any]:
    """What the registry keeps of the drift of one window."""
    found, _ = compare(settings, site.window(number, fault), site.season(number, settings.monitoring.sample_rows))
    return {
        c.name: {"kind": c.kind, "distance": c.distance, "bound": c.bound, "detail": ""} for c in found if c.is_drifted
    }


def alerted(settings: Settings, site: MadeSite, number: int, fault: Fault | None = None) -> set[str]:
    """Columns that are alerted after windows `number` and the next, of which the first is the first with the fault."""
    rows = [
        Report(
            kind="monitor",
            window=windows.shift(WINDOW, at),
            release="r",
            path="",
            summary={"drifted": drifted(settings, site, number + at, fault)},
        )
        for at in (1, 0)
    ]
    assert lasting(rows[1:], settings.monitoring.drift_lasts, 6) == [], "one window is no alert"
    return {name for kind in lasting(rows, settings.monitoring.drift_lasts, 6) or [] for name in kind.columns}


def test_a_shift_of_three_tenths_of_a_deviation_is_alerted_within_two_windows(settings: Settings) -> None:
    for feature in ("video_watches_24h", "user_watches_24h"):
        assert alerted(settings, MadeSite(1, 15_000), 5 * DAY + 100, Fault(feature)) == {feature}


def test_ten_percent_more_of_one_device_are_alerted_within_two_windows(settings: Settings) -> None:
    assert alerted(settings, MadeSite(2, 15_000), 90, Fault(device_share=0.1)) == {"device"}


def test_a_source_that_vanishes_is_named_as_such(settings: Settings) -> None:
    quick = load(var=settings.var, monitoring=MonitoringSettings(sample_rows=3_000))
    found = alerted(quick, MadeSite(2, 4_000), 60, Fault(gone=True))
    assert found == {"source", "source_#0002"}


def test_seven_days_with_seasons_and_no_shift_alert_at_most_once(settings: Settings) -> None:
    """Two windows in a row, four times a day; `homefeed bench drift` looks at every window of many weeks."""
    quick = load(var=settings.var, monitoring=MonitoringSettings(sample_rows=2_000))
    site = MadeSite(11, 1_000)
    assert sum(bool(alerted(quick, site, number)) for number in range(0, 7 * DAY, 36)) <= 1


# Drift that lasts.


def reports(*drifted: dict[str, float] | None, apart: int = 1) -> list[Report]:
    """Reports, the newest first: column -> distance; None for one that measured nothing."""
    return [
        Report(
            kind="monitor",
            window=windows.shift(WINDOW, -apart * i),
            release="r1",
            path="",
            summary={
                "drifted": names
                and {n: {"kind": "features", "distance": d, "bound": 0.2, "detail": ""} for n, d in names.items()}
            },
        )
        for i, names in enumerate(drifted)
    ]


def test_one_report_is_no_alert_and_two_in_a_row_are_with_since_when() -> None:
    assert lasting(reports({"a": 1.0}, {}), 2, 6) == []
    assert lasting(reports({"a": 1.0}, {"b": 1.0}), 2, 6) == []
    (found,) = lasting(reports({"a": 0.5, "b": 0.3}, {"a": 0.4}, {"a": 0.4}, {"b": 1.0}), 2, 6) or []
    assert (list(found.columns), found.since) == (["a"], windows.shift(WINDOW, -2))
    assert words(found) == "a 0.50 (bound 0.20)"


def test_reports_that_measured_nothing_are_passed_over_but_the_newest_is_no_evidence() -> None:
    assert lasting([], 2, 6) is None
    assert lasting(reports(None, {"a": 1.0}, {"a": 1.0}), 2, 6) is None
    assert lasting(reports({"a": 1.0}, None, {"a": 1.0}), 2, 6) != []
    assert lasting(reports({"a": 1.0}, {"a": 1.0}, apart=7), 2, 6) == [], "yesterday is not in a row"
