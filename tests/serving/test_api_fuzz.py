"""Requests made from the service's own OpenAPI description, right and wrong ones: none breaks it and none hangs."""

import sys
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from serving.process import start

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))


@pytest.fixture
def service(world):
    world.write_stub("r1")
    world.release("r1")
    with start(world.settings, 0, command=COMMAND) as process:
        yield process


def test_no_request_breaks_or_hangs_the_service(service):
    api = schemathesis.openapi.from_url(f"{service.url}/docs.json")
    documented = httpx.get(f"{service.url}/docs.json").json()["paths"]
    statuses: dict[tuple[str, str], set[int]] = {}
    for operation in (found.ok() for found in api.get_all_operations()):
        # Without a body there is nothing to get wrong.
        for mode in GenerationMode if operation.body else (GenerationMode.POSITIVE,):

            @settings(
                max_examples=60,
                derandomize=True,
                deadline=None,
                database=None,
                phases=[Phase.explicit, Phase.generate],  # a failure is shown as it was found: shrinking takes minutes
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def answers(case):
                answer = case.call(timeout=10)  # one that hangs raises
                assert answer.status_code < 500, (case.as_curl_command(), answer.text)
                assert answer.headers["x-request-id"], case.as_curl_command()
                told = set(documented[case.path][case.method.lower()]["responses"])
                assert str(answer.status_code) in told, (case.as_curl_command(), answer.text)
                statuses.setdefault((case.path, case.method), set()).add(answer.status_code)

            answers()
    assert {200, 400} <= statuses["/v1/recommend", "POST"]
    assert {202, 400} <= statuses["/v1/events", "POST"]
    assert httpx.get(f"{service.url}/readyz").status_code == 200
    assert "Traceback" not in service.output()
