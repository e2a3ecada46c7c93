"""The report of a training: the numbers are on the page, titles are text, and what is missing says why."""

import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from six_watches import NAMES, START, six_watches

from homefeed import windows
from homefeed.registry import open_registry
from homefeed.settings import Settings, load
from homefeed.settings.retrieval import RetrievalSettings
from models.profiles import Profiles
from models.report.charts import axis
from models.retrieval.batches import Log
from models.retrieval.recall import LENGTHS
from models.retrieval.report import publish_report, write_report
from models.retrieval.report.distribution import distribution
from models.retrieval.report.report import FILE, content
from models.retrieval.slices import Slice
from models.retrieval.train import fit
from models.retrieval.watches import WatchCounts, Watches
from models.training import Training, measured
from models.video_table import VideoTable

WINDOW = windows.window_of(datetime.fromtimestamp(START // 1_000_000, UTC))
#: Directions of the four videos of `six_watches`: 1 is near 0, 3 opposite to it.
VECTORS = np.array([[1, 0, 0.5], [0.8, 0.6, 0.1], [0, 2, 0.2], [-1, 0, 0.3]], np.float32)


def training(folder: Path, **changed: Any) -> Training:
    """A training of made-up figures, its vectors in `folder`."""
    folder.mkdir(parents=True)
    np.save(folder / "vectors.npy", VECTORS)
    np.save(folder / "videos.npy", np.arange(1, 5))
    np.save(folder / "queries.npy", np.array([[3, 4, 1]], np.float32))
    parts = [
        Slice("all", "all watches", 500, 80, 0.4567, 0.41, 0.49, 0.1234),
        Slice("cold start", "new viewer", 0, 0, *[float("nan")] * 4),
        Slice("country of the viewer", "<b>", 90, 40, 0.05, 0.01, 0.09, 0.2),
    ]
    metrics = {
        "recall_at_100": 0.4567,
        "popularity_recall_at_100": 0.1234,
        "recall_at_k": {str(k): k / 2000 for k in LENGTHS},
        "recall_at_k_interval": {str(k): [k / 4000, k / 1000] for k in LENGTHS},
        "popularity_recall_at_k": {str(k): k / 5000 for k in LENGTHS},
        "slices": [measured(asdict(part)) for part in parts],
        "validation_recall_at_100": 0.44,
        "validation_popularity_recall_at_100": 0.11,
        "losses": [6.5, 6.0, 5.9],
        "validations": [0.3, 0.44, 0.43],
        "epochs": 2,
        "train_watches": 12_345,
        "holdout_watches": 520,
        "videos": 2_000,
    }
    return Training("retrieval", "t-1", folder, WINDOW, (WINDOW, WINDOW), {"watches": 3}, metrics | changed)


def written(settings: Settings, made: Training, titles: tuple[str, ...] = ("old", "older", "fresh", "lonely")) -> str:
    log, _ = six_watches(titles)
    return write_report(settings, made, made.path, log, NAMES).read_text()


def test_the_page_holds_the_numbers_and_asks_the_network_for_nothing(settings: Settings, tmp_path: Path) -> None:
    html = written(settings, training(tmp_path / "t"))
    for number in ("45.7 %", "41.0 % to 49.0 %", "12.3 %", "0.457", "0.123", "12,345", "2 of 3", "20 left out"):
        assert number in html, number
    assert "watches at version 3" in html
    # Recall at 50: 50/2000 of the towers, 50/5000 of popularity.
    assert "<td>50</td><td>0.0250 <small>(0.013 to 0.050)</small></td><td>0.0100</td><td>2.50</td>" in html
    assert not re.search(r"""(src|href)\s*=|url\(|@import""", html)


def test_a_slice_is_judged_by_its_interval_and_an_empty_one_says_so(settings: Settings, tmp_path: Path) -> None:
    html = written(settings, training(tmp_path / "t"))
    assert '<span class="good">0.457</span>' in html
    assert '<span class="bad">0.050</span>' in html
    assert "not measured: no watches" in html


def test_titles_and_names_are_text(settings: Settings, tmp_path: Path) -> None:
    html = written(settings, training(tmp_path / "t"), ("<script>alert(1)</script>", '"><img>', "&amp;", ""))
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&amp;amp;" in html
    assert "(no title)" in html
    assert "<td>&lt;b&gt;</td>" in html


def test_neighbours_by_hand(settings: Settings, tmp_path: Path) -> None:
    """In seven days 0 was watched four times, before the end of START's window. Of its neighbours 1 has the cosine 0.8,
    2 none, 3 is opposite; the bias does not count."""
    made = training(tmp_path / "t")
    log, _ = six_watches()
    first, *others = content(settings, made, made.path, log, NAMES)["examples"]
    assert (first["kind"], first["title"], first["num_watches"], first["topic"]) == ("popular", "old", 4, "chess")
    assert [(n["title"], round(n["cosine"], 3)) for n in first["neighbours"]] == [
        ("older", 0.8),
        ("fresh", 0.0),
        ("lonely", -1.0),
    ]
    assert [n["channel"] for n in first["neighbours"]] == ["seven", "eight", "unknown"]
    # All four were watched in those days, so that none is left for the uploads.
    assert {one["kind"] for one in others} == {"popular"}


def test_the_newest_uploads_are_shown_when_they_are_not_popular(settings: Settings, tmp_path: Path) -> None:
    made = training(tmp_path / "t")
    log, _ = six_watches()
    early = windows.shift(WINDOW, -1)
    before = Training(**{**vars(made), "window": early})
    found = content(settings, before, made.path, log, NAMES)["examples"]
    assert [(one["kind"], one["title"], one["num_watches"]) for one in found] == [
        ("popular", "old", 2),
        ("new", "fresh", 0),
        ("new", "lonely", 0),
        ("new", "older", 0),
    ]
    assert found[1]["age_h"] == 0.5


def test_passes_that_measured_nothing_are_left_out_of_the_curves(settings: Settings, tmp_path: Path) -> None:
    html = written(settings, training(tmp_path / "t", losses=[None], validations=[None], epochs=1))
    assert "not measured: no watch of any pass weighed anything" in html
    assert "not measured: the validation windows hold no watch that counts" in html


def test_a_training_that_goes_on_from_another_is_looked_at_before_its_first_pass(
    settings: Settings, tmp_path: Path
) -> None:
    made = training(tmp_path / "t", losses=[5.8], validations=[0.44, 0.43], epochs=0)
    html = written(settings, Training(**{**vars(made), "started_from": "t-0"}))
    assert "It went on from training t-0." in html
    assert "0 of 1" in html
    assert "0 is the training that it went on from" in html
    assert "<title>towers, pass 0: 0.44</title>" in html
    assert "<title>mean loss, pass 1: 5.8</title>" in html


def test_one_video_and_an_empty_holdout(settings: Settings) -> None:
    """The smallest training that there is. What cannot be measured on it has its reason in the page."""
    knobs = RetrievalSettings(
        max_epochs=1, validation_windows=1, holdout_windows=1, newest_h=0, embedding_dim=4, batch_size=16
    )
    tiny = load(var=settings.var, retrieval=knobs)
    zeros = np.zeros(1, np.int64)
    table = VideoTable(
        np.array([9]), zeros, np.zeros((1, 4), np.int64), zeros, zeros, np.ones(1, np.float32), np.array(["only"])
    )
    begin = START - 2 * 600_000_000
    watches = Watches(
        np.arange(4), np.zeros(4, np.int64), begin + np.array([-9, -8, -7, 600_000_001]), np.ones(4, np.float32)
    )
    nobody = np.zeros(0, np.int64)
    profiles = Profiles(nobody, nobody, nobody, nobody.astype(np.int32))
    made = fit(tiny, WINDOW, Log(table, watches, profiles, WatchCounts(watches)), versions={})
    assert made.metrics["recall_at_100"] is None
    assert set(made.metrics["recall_at_k"].values()) == {None}
    assert made.metrics["losses"] == [pytest.approx(0)]
    html = publish_report(tiny, made).read_text()
    assert "not measured: the holdout windows hold no watch" in html
    assert "not measured: a list of one video holds the whole catalogue" in html
    assert "not measured: there are too few vectors" in html
    assert "not measured: there is no other video" in html
    assert "nan" not in re.sub("<[^>]*>", " ", html)


def test_a_published_report_is_where_it_is_served_from_and_listed(settings: Settings, tmp_path: Path) -> None:
    made = training(tmp_path / "t")
    html = written(settings, made)
    for _ in range(2):
        file = publish_report(settings, made)
    assert file == settings.reports_path / "retrieval" / "t-1" / "index.html"
    assert file.read_text() == html
    (listed,) = open_registry(settings.resolved_registry_url).reports("retrieval")
    assert (listed.window, listed.release, listed.path) == (WINDOW, "t-1", str(file))
    assert listed.summary["recall_at_100"] == 0.4567


def test_a_training_without_its_report_is_not_published_silently(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=FILE):
        publish_report(settings, training(tmp_path / "t"))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 0.97, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (5.9, 6.5, [5.8, 6, 6.2, 6.4, 6.6]),
        (0.0, 0.0, [0, 0.2]),
        (3.0, 3.0, [3, 4]),
        (0.0, 1234.0, [0, 500, 1000, 1500]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert axis(low, high) == pytest.approx(expected)


def test_distributions() -> None:
    assert distribution(np.zeros(0, np.float32)) is None
    one = distribution(np.full(5, 8.000001, np.float32))
    assert one is not None
    assert (one.num, one.counts, round(one.mean, 3)) == (5, [], 8)
    two = distribution(np.array([-1, -1, 1], np.float32))
    assert two is not None
    assert (two.low, two.high, two.counts[0], two.counts[-1], sum(two.counts)) == (-1, 1, 2, 1, 3)


def test_the_page_in_a_browser(settings: Settings, tmp_path: Path, program: Callable[[str], str]) -> None:
    import subprocess

    made = training(tmp_path / "t")
    written(settings, made, ("<script>document.title = 'taken'</script>", "older", "fresh", "lonely"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [program("chromium"), *flags, f"file://{made.path / FILE}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "<title>Retriever t-1</title>" in done.stdout
    assert done.stdout.count("<svg") >= 5
