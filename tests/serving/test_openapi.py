"""The description tells of every call and answer, and its examples are what the service would take and give."""

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

from serving import knob_call, openapi, request

DESCRIBED = openapi.description()
MODELS: dict[str, type[BaseModel]] = {
    "PageRequest": request.PageRequest,
    "Page": request.Page,
    "EventBatch": request.EventBatch,
    "Accepted": request.Accepted,
    "Refused": openapi.Refused,
    "State": openapi.State,
    "Turn": knob_call.Turn,
    "Knobs": openapi.Knobs,
}


def contents():
    """(place, content) of every JSON body in the description."""
    for path, calls in DESCRIBED["paths"].items():
        for method, call in calls.items():
            bodies = {"body": call.get("requestBody", {}), **call["responses"]}
            for name, body in bodies.items():
                if "content" in body:
                    yield f"{method} {path} {name}", body["content"]["application/json"]


@pytest.mark.parametrize(("place", "content"), list(contents()))
def test_every_body_has_an_example_that_fits(place, content):
    model = MODELS[content["schema"]["$ref"].rpartition("/")[2]]
    examples = [named["value"] for named in content.get("examples", {}).values()] or [content["example"]]
    for example in examples:
        TypeAdapter(model).validate_python(example, strict=True)


def test_the_calls_of_a_site_say_all_they_answer():
    recommend, events = (DESCRIBED["paths"][f"/v1/{name}"]["post"] for name in ("recommend", "events"))
    refusals = {"400", "413", "415", "429", "503", "504"}
    assert set(recommend["responses"]) == {"200"} | refusals
    assert set(events["responses"]) == {"202"} | refusals
    for status in ("429", "503"):
        assert {"Retry-After", "X-Request-Id"} == set(events["responses"][status]["headers"])
    assert set(events["requestBody"]["content"]["application/json"]["examples"]) == {
        "impression", "watch", "feedback", "video", "user",
    }  # fmt: skip


def test_every_reference_leads_somewhere():
    text = json.dumps(DESCRIBED)
    for model in DESCRIBED["components"]["schemas"]:
        text = text.replace(f'"#/components/schemas/{model}"', "")
    assert "#/components" not in text
    for page in re.findall(r"docs/[a-z]+\.md", text):
        assert (Path(__file__).parents[2] / page).exists(), page
