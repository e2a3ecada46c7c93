"""`homefeed explain` on a real bundle: a page that a real feed answered and logged, and a video for a viewer now."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from homefeed import windows
from homefeed.cli import build
from homefeed.clock import set_clock
from homefeed.features import TARGETS
from homefeed.registry import Stage, open_registry
from models.ranking.attribution import GROUPS
from serving.budget import Pace
from serving.feed import Feed
from serving.request import PageRequest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(release, tmp_path_factory):
    """A page of the live release, and the environment of a command line beside it."""
    now = windows.end(windows.shift(release.windows[-1], 1))
    clock = tmp_path_factory.mktemp("clock") / "clock"
    set_clock(clock, now)
    registry = open_registry(release.settings.resolved_registry_url)
    registry.add_release(release.id, release.id, now, {})
    registry.move(release.id, Stage.LIVE, now, [])
    feed = Feed(release.settings.model_copy(update={"clock_file": clock}))
    feed.refresh()
    answered = feed.recommend(PageRequest(user="viewer-3", device="phone", num=40))
    feed.close()
    return answered, {"HOMEFEED_VAR": str(release.settings.var), "HOMEFEED_CLOCK_FILE": str(clock)}


def explain(environment, *arguments):
    return CliRunner().invoke(build(["explain"]), ["explain", *arguments], env=environment)


def told(environment, *arguments):
    result = explain(environment, *arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_every_slot_of_a_logged_page_is_explained(page) -> None:
    answered, environment = page
    found = told(environment, answered["request_id"])
    assert [slot["video"] for slot in found["slots"]] == [video["video"] for video in answered["videos"]]
    assert found["remade"] == 40
    for slot in found["slots"]:
        assert slot["engagement"] + slot["satisfaction"] == pytest.approx(slot["value"], abs=1e-6)
        assert slot["largest_head"] in TARGETS
    assert np.mean([slot["value"] for slot in found["slots"][:10]]) > np.mean(
        [s["value"] for s in found["slots"][-10:]]
    )
    lines = explain(environment, answered["request_id"]).stdout.splitlines()
    (first,) = [line for line in lines if line.startswith("│    0 │")]
    assert f" {answered['videos'][0]['score']:.4f} " in first
    assert any(group.name[:8] in first for group in GROUPS)


def test_one_slot_is_explained_in_full_as_it_was_answered(page) -> None:
    answered, environment = page
    found = told(environment, answered["request_id"], "--slot", "0")
    assert found["explanation"]["slot"] == 0
    assert found["explanation"]["score"] == pytest.approx(answered["videos"][0]["score"], rel=1e-3)
    assert found["logged"]["scores"] == pytest.approx(answered["videos"][0]["score"])
    assert explain(environment, answered["request_id"], "--slot", "40").exception.args[0].endswith("no slot 40")


def test_a_page_that_was_cut_short_is_made_again_as_it_was(page, release, monkeypatch) -> None:
    _, environment = page
    monkeypatch.setattr(Pace, "affordable", lambda self, seconds: 60)
    feed = Feed(release.settings.model_copy(update={"clock_file": Path(environment["HOMEFEED_CLOCK_FILE"])}))
    feed.refresh()
    answered = feed.recommend(PageRequest(user="viewer-3", device="phone", num=40))
    feed.close()
    monkeypatch.undo()
    found = told(environment, answered["request_id"])
    assert answered["degraded"] == ["fewer_ranked"]
    assert [slot["video"] for slot in found["slots"]] == [video["video"] for video in answered["videos"]]
    assert found["remade"] == 40


def test_a_video_for_a_viewer_now(page, release) -> None:
    answered, environment = page
    shown = {video["video"] for video in answered["videos"]}
    found = [told(environment, "viewer-3", f"video-{i}")["explanation"] for i in (5, 6)]
    for video in found:
        assert sum(head["contribution"] for head in video["heads"]) == pytest.approx(video["value"], abs=1e-5)
        changes = [abs(feature["change"]) for feature in video["features"]]
        assert changes == sorted(changes, reverse=True)
        assert changes[0] > 0
    text = explain(environment, "viewer-3", next(iter(shown))).stdout
    assert "satisfaction" in text
    assert "What moves it" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["r-no-such-request"], "no page of request 'r-no-such-request'"),
        (["a stranger", "video-1"], "does not know viewer 'a stranger'"),
        (["viewer-3", "no-such"], "no video 'no-such'"),
        (["", "video-1"], "an id has 1 to 64 bytes"),
        (["viewer-3", "video-1", "--release", "r1"], "no release 'r1'"),
        (["viewer-3", "video-1", "--slot", "1"], "--slot is of a request"),
        (["viewer-3", "video-1", "--device", "fridge"], "cannot be asked"),
    ],
)
def test_what_is_not_there_says_so(page, arguments, message) -> None:
    result = explain(page[1], *arguments)
    assert message in str(result.exception)


def test_nothing_live_says_what_to_do(tmp_path) -> None:
    result = explain({"HOMEFEED_VAR": str(tmp_path / "var")}, "viewer-3", "video-1")
    assert "make run" in str(result.exception)
