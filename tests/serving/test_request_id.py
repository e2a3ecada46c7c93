"""Ids of requests over HTTP: the caller's comes back and is in the log; without one there is one all the same."""

import sys
from pathlib import Path

import httpx
import pytest

from homefeed import serving_log
from serving.process import start

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))


def test_ids_and_paths(world):
    world.write_stub("r1")
    world.release("r1")
    with start(world.settings, 0, command=COMMAND) as service, httpx.Client(base_url=service.url, timeout=30) as http:
        mine = {"x-request-id": "checkout-7f3a"}
        pages = [
            http.post(path, json={"user": "v", "num": 1}, headers=mine) for path in ("/v1/recommend", "/recommend")
        ]
        assert [page.status_code for page in pages] == [200, 200]
        assert {page.headers["x-request-id"] for page in pages} == {"checkout-7f3a"}
        assert len({page.json()["request_id"] for page in pages}) == 2  # ours are unique
        made = {http.post("/v1/recommend", json={"user": "v"}).headers["x-request-id"] for _ in range(2)}
        assert len(made) == 2
        for path in ("/", "/v1/release", "/release", "/readyz", "/nowhere", "/home.css"):
            assert http.get(path, headers=mine).headers.get_list("x-request-id") == ["checkout-7f3a"], path
        for wrong in ("x" * 65, "a b", ""):
            answer = http.post("/v1/recommend", json={"user": "v"}, headers={"x-request-id": wrong})
            assert answer.status_code == 400
            assert "1 to 64 visible ASCII" in answer.json()["error"]
        http.post("/v1/recommend", json={"user": "v", "num": 1000}, headers={"x-request-id": "refused-1"})
        assert http.get("/v1/nowhere").status_code == 404
        plain = http.post("/v1/recommend", json={"user": "v", "num": 1}).json()["videos"][0]
        told = http.post("/v1/recommend", json={"user": "v", "num": 1, "explain": True}).json()["videos"][0]
        assert "heads" not in plain
        assert 0 <= told["heads"]["watched"] <= 1
        assert service.stop() == 0
    rows = serving_log.read(world.settings.serving_path, "requests", "20261123T2200Z", "20261123T2200Z").to_pylist()
    asked = {row["request_id"]: row["caller_id"] for row in rows}
    assert {asked[page.json()["request_id"]] for page in pages} == {"checkout-7f3a"}
