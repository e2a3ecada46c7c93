"""A real bundle behind the real service: what a viewer gets over HTTP."""

import httpx
import numpy as np
import pytest

from feature_repo.online import UserStore
from homefeed import ids, windows
from homefeed.clock import set_clock
from homefeed.registry import Stage, open_registry
from serving.process import start

pytestmark = pytest.mark.slow


def test_a_viewer_gets_a_page_of_the_live_release(release, tmp_path):
    now = windows.end(windows.shift(release.windows[-1], 1))
    set_clock(tmp_path / "clock", now)
    # A busy machine must not cut pages short.
    patient = release.settings.serving.model_copy(update={"deadline_ms": 20_000.0, "viewer_timeout_s": 1.0})
    settings = release.settings.model_copy(update={"clock_file": tmp_path / "clock", "serving": patient})
    registry = open_registry(settings.resolved_registry_url)
    registry.add_release(release.id, release.id, now, {})
    registry.move(release.id, Stage.LIVE, now, [])
    rows = {name: UserStore(settings).read(name) for name in (f"viewer-{i}" for i in range(10))}
    with start(settings, 0) as service, httpx.Client(base_url=service.url, timeout=30) as client:
        assert client.get("/release").json()["live"]["release"] == release.id
        for viewer, row in rows.items():
            page = client.post("/recommend", json={"user": viewer, "device": "phone"}).json()
            assert page["release"] == release.id
            assert page["degraded"] == []
            shown = {ids.key(video["video"]) for video in page["videos"]}
            assert len(shown) == 100
            assert row["known"]
            assert not shown & set(row["watched_videos"])
            scores = np.array([video["score"] for video in page["videos"] if not video["explored"]])
            assert (np.diff(scores) <= 0).all()
        stranger = client.post("/recommend", json={"user": "a stranger"}).json()
        assert (stranger["release"], stranger["degraded"], len(stranger["videos"])) == (release.id, [], 100)
        assert {video["source"] for video in page["videos"]} >= {"two_tower", "more_like"}
