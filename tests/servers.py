"""Real Redis and PostgreSQL on loopback, each with a port and a folder of its own, and always stopped."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from homefeed.cli.supervisor.preflight import free_port


class Redis:
    """A Redis that can be lost and come back on the same port, with what it had written."""

    def __init__(self, program: str, folder: Path, *options: str) -> None:
        self.port = free_port()
        self._command = [program, "--port", str(self.port), "--dir", str(folder), "--bind", "127.0.0.1", *options]
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        self._child = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        _wait_for(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close())

    def stop(self) -> None:
        """End it; `--appendonly yes` keeps what was written."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait()
            self._child = None


def postgresql_folder() -> Path | None:
    """Folder of `initdb` and `postgres`: Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@contextlib.contextmanager
def postgresql(programs: Path, *databases: str) -> Iterator[int]:
    """PostgreSQL with user and password `homefeed` and these databases; yields its port."""
    # It refuses to run as root; then it runs as the user that Debian's package makes, who cannot look into pytest's
    # folders: so its own is beside them.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="homefeed-postgresql-") as folder:
        if user:
            shutil.chown(folder, user)
        with _postgresql(programs, Path(folder), user) as port:
            import psycopg

            url = f"postgresql://homefeed:homefeed@127.0.0.1:{port}/postgres"
            _wait_for(lambda: psycopg.connect(url).close())
            with psycopg.connect(url, autocommit=True) as connection:
                for database in databases:
                    connection.execute(f"CREATE DATABASE {database}")
            yield port


@contextlib.contextmanager
def _postgresql(programs: Path, folder: Path, user: str | None) -> Iterator[int]:
    (folder / "password").write_text("homefeed")
    if user:
        shutil.chown(folder / "password", user)
    data, port = folder / "data", free_port()
    made = [str(programs / "initdb"), "-D", str(data), "-U", "homefeed", "--pwfile", str(folder / "password")]
    made += ["--auth", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale", "C"]
    subprocess.run(made, user=user, check=True, stdout=subprocess.DEVNULL, cwd="/")
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), *settings], user=user, stdout=log, stderr=log, cwd="/"
        )
    try:
        yield port
    finally:
        child.send_signal(signal.SIGINT)  # at SIGTERM it waits for its clients
        child.wait()


def _wait_for(attempt: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            attempt()  # type: ignore[operator]
            return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
