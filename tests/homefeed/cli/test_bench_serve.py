"""What `homefeed bench serve` measures with: its catalogue, its viewers, and a load that leaves no wait out."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import numpy as np
import pytest

from homefeed.cli.bench import serve, serve_service, serve_site, serve_strain
from serving.load import Answers, Load

END = datetime(2026, 11, 23, 22, tzinfo=UTC)


def answers(*latencies_s: float, status: int = 200) -> Answers:
    num = len(latencies_s)
    return Answers(np.arange(num, dtype=float), np.array(latencies_s), np.full(num, status), float(num))


def test_quantiles_are_of_the_answers_of_a_status() -> None:
    both = Answers(np.arange(4.0), np.array([0.1, 0.3, 0.9, 0.2]), np.array([200, 200, 429, 0]), 4.0)
    assert both.ms(0.5) == pytest.approx(200)
    assert both.ms(1.0, 429) == pytest.approx(900)
    assert both.served == 2
    assert np.isnan(answers(0.1, status=503).ms(0.5))


def test_a_part_of_the_time_has_the_requests_that_were_due_in_it() -> None:
    part = answers(0.1, 0.2, 0.3, 0.4).within(1.0, 3.0)
    assert part.latency_s.tolist() == [0.2, 0.3]
    assert part.seconds == 2.0


class Site(BaseHTTPRequestHandler):
    """Answers pages; refuses those for `nobody`; all wait while it is stalled."""

    protocol_version = "HTTP/1.1"
    go: ClassVar[threading.Event] = threading.Event()
    asked: ClassVar[threading.Event] = threading.Event()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.asked.set()
        self.go.wait()
        self.send_response(429 if b"nobody" in body else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Site.go.set()
    Site.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_callers_and_arrivals_ask_as_often_as_they_are_told(url: str) -> None:
    with Load(url, ["a", "nobody"]) as load:
        closed = load.closed(3, 20)
        opened = load.open(50.0, 0.4).result()
    assert closed.served == 10
    assert np.unique(closed.status).tolist() == [200, 429]
    assert opened.scheduled_s.tolist() == pytest.approx((np.arange(20) / 50).tolist())


def test_arrivals_end_when_they_are_told_to_and_can_begin_again(url: str) -> None:
    with Load(url, ["a"]) as load:
        arrivals = load.open(50.0, 500.0)
        while not Site.asked.wait(0.1):
            assert not arrivals.done()
        load.end()
        ended = arrivals.result()
        again = load.open(50.0, 0.2).result()
    assert 0 < len(ended.status) < 25_000
    assert ended.served == len(ended.status) == len(ended.scheduled_s) == len(ended.latency_s)
    assert again.served == 10


def test_what_arrives_during_a_stall_waited_for_it(url: str) -> None:
    with Load(url, ["a"]) as load:
        load.closed(1, 1)
        Site.go.clear()
        arrivals = load.open(40.0, 1.0)
        time.sleep(2.0)
        Site.go.set()
        stalled = arrivals.result()
    # A load that waits for its answers would have found one slow request.
    assert stalled.served == 40
    assert (stalled.latency_s > 0.5).sum() >= 30


def test_nobody_listens() -> None:
    with Load("http://127.0.0.1:9", ["a"]) as load:
        assert load.closed(1, 2).status.tolist() == [0, 0]


def test_the_catalogue_has_the_columns_of_a_snapshot_and_plausible_counts() -> None:
    from feature_repo.snapshot import CONTENT
    from homefeed.features import aggregate_columns

    random = np.random.default_rng(1)
    snapshot = serve_site.made_snapshot(3000, END, random)
    columns = {name: snapshot.column(name).to_numpy() for name in aggregate_columns("video")}
    assert snapshot.column_names[: len(CONTENT)] == list(CONTENT)
    assert snapshot.num_columns == len(CONTENT) + 60
    assert (np.diff(snapshot.column("video").to_numpy()) > 0).all()
    assert (columns["video_impressions_24h"] <= columns["video_impressions_7d"]).all()
    assert columns["video_watches_7d"].sum() / columns["video_impressions_7d"].sum() == pytest.approx(0.02, rel=0.1)
    assert all(lists is None or len(lists) for lists in snapshot.column("topics").to_pylist())
    viewers = serve_site.made_viewers(snapshot, END, 50, random)
    times = np.array(viewers.state.column("history_times").to_pylist())
    assert times.shape == (serve_site.NUM_VIEWERS, 50)
    assert (np.diff(times, axis=1) >= 0).all()
    assert times.max() < END.timestamp() * 1e6
    known = snapshot.column("video").to_numpy()
    assert np.isin(viewers.state.column("history_videos").combine_chunks().flatten().to_numpy(), known).all()


@pytest.mark.slow
def test_a_small_run_has_every_result(tmp_path, monkeypatch) -> None:
    from homefeed.settings import load as load_settings

    for module, name, value in (
        (serve_service, "WARM_UP", 5),
        (serve_service, "ALONE", 20),
        (serve_service, "MOST", 20),
        (serve_service, "SUSTAINED_S", 2.0),
        (serve_service, "SLOWER", 0.5),
        (serve_strain, "OVERLOAD_S", 2.0),
        (serve_strain, "BEFORE_S", 4.0),
        (serve_strain, "GIVEN_UP_S", 10.0),
        (serve_strain, "MOST_S", 30.0),
        (serve_strain, "AFTER_S", 2.0),
    ):
        monkeypatch.setattr(module, name, value)
    settings = load_settings(var=tmp_path / "var")
    small = settings.serving.model_copy(
        update={"bench_videos": 3000, "bench_candidates": 1200, "deadline_ms": 20_000.0}
    )
    made = serve.apart(serve.make, settings.model_copy(update={"serving": small}))
    results = serve.measure(made, lambda _: None)
    assert results.keys() == serve.MEANING.keys()
    # Sources of so small a catalogue propose the same videos, and what was watched is filtered.
    assert 800 < results["ranked"] <= 1000
    assert results["ranked"] < results["large_ranked"] <= 1200
    assert results["times_naive"] > 10
    assert results["overload_failed"] == 0
