"""Before anything starts: each obstacle has a message that names the setting to change."""

import os
import socket
from pathlib import Path

import pytest

from homefeed.cli.supervisor import processes
from homefeed.cli.supervisor.preflight import UNFINISHED, PreflightError, check, free_port
from homefeed.settings import Settings, load


@pytest.fixture
def roomy(tmp_path: Path) -> Settings:
    return load(var=tmp_path / "var", platform={"airflow_port": 0, "min_free_gib": 0}, serving={"port": 0})


def test_an_empty_folder_and_free_ports_are_fine(roomy: Settings) -> None:
    check(roomy)


@pytest.mark.parametrize(
    ("group", "field", "setting"),
    [("platform", "airflow_port", "HOMEFEED_PLATFORM__AIRFLOW_PORT"), ("serving", "port", "HOMEFEED_SERVING__PORT")],
)
def test_a_busy_port_names_its_setting(roomy: Settings, group: str, field: str, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        knobs = getattr(roomy, group).model_copy(update={field: port})
        with pytest.raises(PreflightError, match=rf"port {port} .*{setting}"):
            check(roomy.model_copy(update={group: knobs}))


def test_a_full_disk_names_the_folder_and_two_ways_out(roomy: Settings) -> None:
    greedy = roomy.model_copy(update={"platform": roomy.platform.model_copy(update={"min_free_gib": 1e9})})
    with pytest.raises(PreflightError, match="HOMEFEED_VAR .*HOMEFEED_PLATFORM__MIN_FREE_GIB"):
        check(greedy)


def test_var_that_is_a_file_is_refused(roomy: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match="HOMEFEED_VAR"):
        check(roomy.model_copy(update={"var": tmp_path / "file"}))


def test_half_a_history_is_refused(roomy: Settings) -> None:
    roomy.var.mkdir(parents=True)
    (roomy.var / UNFINISHED).touch()
    with pytest.raises(PreflightError, match="half written.*HOMEFEED_VAR"):
        check(roomy)


def test_a_platform_that_already_runs_here_is_not_started_twice(roomy: Settings) -> None:
    roomy.var.mkdir(parents=True)
    processes.remember(roomy.var, processes.session_of("supervisor", os.getpid()), [])
    with pytest.raises(PreflightError, match="already runs"):
        check(roomy)


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass
