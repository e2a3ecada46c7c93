"""What can be known to go wrong before anything starts; each message names the setting to change."""

import shutil
import socket

from homefeed.cli.supervisor.processes import is_running, remembered
from homefeed.errors import HomefeedError
from homefeed.settings import Settings

#: Present while the synthetic history is being written.
UNFINISHED = "history.unfinished"


class PreflightError(HomefeedError):
    """The platform cannot start here as it is set."""


def check(settings: Settings) -> None:
    """Raise PreflightError when a port is busy, the disk is full, or `var` cannot be used."""
    _check_var(settings)
    _check_disk(settings)
    _check_port("Airflow", "127.0.0.1", settings.platform.airflow_port, "HOMEFEED_PLATFORM__AIRFLOW_PORT")
    _check_port("the service", settings.serving.host, settings.serving.port, "HOMEFEED_SERVING__PORT")


def _check_var(settings: Settings) -> None:
    var = settings.var.absolute()
    try:
        var.mkdir(parents=True, exist_ok=True)
        probe = var / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PreflightError(f"{var} cannot be written: {error}; HOMEFEED_VAR names another folder") from error
    supervisor, sessions = remembered(var)
    if is_running(supervisor):
        raise PreflightError(
            f"the platform already runs on {var}: `homefeed stop` ends it, HOMEFEED_VAR names another folder"
        )
    if left := [session.name for session in sessions if session.processes()]:
        raise PreflightError(f"a run that was killed left {', '.join(left)} behind on {var}: `homefeed stop` ends it")
    if (var / UNFINISHED).exists():
        raise PreflightError(
            f"{var} holds a history that was only half written: delete the folder, or let HOMEFEED_VAR name another one"
        )


def _check_disk(settings: Settings) -> None:
    free_gib = shutil.disk_usage(settings.var).free / 2**30
    if free_gib < settings.platform.min_free_gib:
        raise PreflightError(
            f"{settings.var.absolute()} has {free_gib:.1f} GiB free, less than {settings.platform.min_free_gib:g}: "
            "make room, let HOMEFEED_VAR name a folder on another disk, or lower HOMEFEED_PLATFORM__MIN_FREE_GIB"
        )


def _check_port(who: str, host: str, port: int, setting: str) -> None:
    with socket.socket() as probe:
        # A port that a run of a moment ago has left is free for a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PreflightError(
                f"port {port} on {host}, wanted by {who}, cannot be used ({error.strerror}): set {setting}"
            ) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
