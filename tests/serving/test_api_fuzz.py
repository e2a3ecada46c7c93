"""Requests made from the service's own OpenAPI description, right and wrong ones: none breaks it and none hangs."""

import sys
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode

from serving.process import start

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))


@pytest.fixture
def service(world):
    stubs = world.settings.bundles_path / "stubs"
    stubs.mkdir(parents=True)
    (stubs / "r1").write_text("whole")
    world.release("r1")
    with start(world.settings, 0, command=COMMAND) as process:
        yield process
