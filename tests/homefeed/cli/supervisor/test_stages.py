"""What people read while the first release is on its way."""

import io

from rich.console import Console

from homefeed.cli.supervisor.stages import STAGES, Stages


def _stages() -> tuple[Stages, io.StringIO]:
    out = io.StringIO()
    return Stages(Console(file=out, width=200)), out


def test_time_left_begins_with_the_usual_seconds_of_every_stage_and_ends_at_none() -> None:
    stages, _ = _stages()
    assert stages.left_s() == sum(usual for _, usual in STAGES.values())
    for stage in STAGES:
        stages.end(stage)
    assert stages.left_s() == 0


def test_after_the_first_release_only_the_start_is_left() -> None:
    stages, _ = _stages()
    stages.resume()
    assert stages.left_s() == STAGES["start"][1] + STAGES["serve"][1]


def test_each_change_is_said_once() -> None:
    stages, out = _stages()
    for _ in range(3):
        stages.follow([("bootstrap", "success"), ("train_ranking", "running"), ("monitor_release", "running")])
    lines = out.getvalue().splitlines()
    assert [line for line in lines if "ingest the history: done" in line] == lines[1:2]
    assert sum("train the ranker ..." in line for line in lines) == 1
    assert all("left" in line for line in lines)
    assert len(lines) == 3
