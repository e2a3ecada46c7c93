"""Fixtures that every part uses. In CI a missing folder or server is a failure; elsewhere the test skips."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from homefeed.settings import Settings, load


def missing(what: str) -> None:
    """Skip the test because of `what`, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; in CI that is a failure")
    pytest.skip(what)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The default settings with everything written under a folder of this test."""
    return load(var=tmp_path / "var")


@pytest.fixture
def public_data() -> Callable[[str], Path]:
    """`public_data("ml-100k")` is the folder of a public log, or the test skips."""

    def find(name: str) -> Path:
        folder = load().data / name
        if not folder.is_dir():
            missing(f"no public data at {folder}; HOMEFEED_DATA names the folder that holds {name}")
        return folder

    return find


@pytest.fixture
def program() -> Callable[[str], str]:
    """`program("chromium")` is the path of a program of the system, or the test skips."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            missing(f"{name} is not installed; Debian's package of that name has it")
        assert path is not None
        return path

    return find


@dataclass
class S3:
    """An S3-compatible server on loopback."""

    endpoint: str
    buckets: list[str] = field(default_factory=list)

    def bucket(self) -> str:
        """Name of a new empty bucket."""
        self.buckets.append(f"bucket-{len(self.buckets)}")
        httpx.put(f"{self.endpoint}/{self.buckets[-1]}", timeout=60).raise_for_status()
        return self.buckets[-1]

    def storage(self, bucket: str, **changed: str) -> dict[str, str]:
        """Settings of the group `storage` for a bucket."""
        keys = {"access_key_id": "test-key", "secret_access_key": "test-secret"}
        return {"url": f"s3://{bucket}/home", "endpoint_url": self.endpoint} | keys | changed


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """The server of moto, for the whole session, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            endpoint, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
            while True:
                try:
                    httpx.get(f"{endpoint}/moto-api/", timeout=5)
                    break
                except httpx.HTTPError:
                    assert server.poll() is None, "moto ended"
                    assert time.monotonic() < deadline, "moto does not answer"
                    time.sleep(0.1)
            yield S3(endpoint)
        finally:
            server.terminate()
            server.wait(10)
