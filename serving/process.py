"""The service as a child process, for `make run`, the demo and tests."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import httpx

from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from homefeed.settings.environment import environment


class ServiceError(HomefeedError):
    """The service did not start, or the port is taken."""


@dataclass
class ServiceProcess:
    """A running service.

    Attributes:
      url: where it listens, without a slash at the end.
      process: the child; it ends with its parent, even when the parent is killed.
    """

    url: str
    process: "subprocess.Popen[bytes]"
    _output: IO[bytes]
    _stop_s: float

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self.process.pid

    def output(self) -> str:
        """What the service printed, its newest 20,000 bytes."""
        self._output.flush()
        with open(self._output.name, "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - 20_000, 0))
            return file.read().decode(errors="replace")

    def check(self) -> None:
        """Raises ServiceError with what it printed when it has ended by itself."""
        if self.process.poll() is not None:
            raise ServiceError(f"the service ended with code {self.process.returncode}:\n{self.output()}")

    def stop(self) -> int:
        """Let it finish its requests, and end it; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(self._stop_s + 15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._output.close()
        return code

    def __enter__(self) -> "ServiceProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    settings: Settings,
    port: int | None = None,
    wait_s: float = 120.0,
    command: Sequence[str] = (sys.executable, "-m", "serving"),
) -> ServiceProcess:
    """Start the service and wait until it is ready: what the registry names is in memory.

    Args:
      settings: given to the child as environment variables.
      port: port to listen on; 0 takes a free one, None the configured one.
      wait_s: how long it may take to become ready.
      command: what to run; it is given `--fd` and `--follow-stdin`.

    Raises:
      ServiceError: the port is taken, or the child ended or was not ready in time; the message ends with its output.
    """
    host = settings.serving.host
    wanted = settings.serving.port if port is None else port
    try:
        listening = socket.create_server((host, wanted), backlog=2048)
    except OSError as error:
        raise ServiceError(
            f"the service cannot listen on {host}:{wanted}: {error.strerror}; set HOMEFEED_SERVING__PORT to a free port"
        ) from error
    settings.var.mkdir(parents=True, exist_ok=True)
    output = tempfile.NamedTemporaryFile(prefix="homefeed-service-", suffix=".log")  # noqa: SIM115 it lives as long as the child
    with listening:
        process = subprocess.Popen(
            [*command, "--fd", str(listening.fileno()), "--follow-stdin"],
            env={**os.environ, **environment(settings)},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )
        url = f"http://{host}:{listening.getsockname()[1]}"
    service = ServiceProcess(url, process, output, settings.replicas.drain_s + settings.serving.graceful_s)
    try:
        _wait(service, wait_s)
    except BaseException:
        service.stop()
        raise
    return service


def _wait(service: ServiceProcess, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        service.check()
        try:
            if httpx.get(f"{service.url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise ServiceError(f"the service was not ready after {wait_s:.0f} s:\n{service.output()}")
