"""A page by the short way is the page, or the refusal, of BentoML's own route."""

import asyncio
import sys
from pathlib import Path

import httpx
import orjson
import pytest

from serving.page_call import PageCall
from serving.process import start

COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))
JSON = (b"content-type", b"application/json")


class Inner:
    """What stands behind: it says that it was asked."""

    def __init__(self):
        self.scopes = []

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)


def called(parts=(b'{"user": "v"}',), headers=(JSON,), path="/v1/recommend", method="POST", length=None, answer=None):
    """What is sent for a request whose body comes in `parts`, and whether it went on to what stands behind."""
    inner, sent, asked = Inner(), [], []
    size = sum(map(len, parts)) if length is None else length
    scope = {"type": "http", "path": path, "method": method, "headers": [*headers, (b"content-length", b"%d" % size)]}
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages[-1]["more_body"] = False

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    async def made(wanted):
        asked.append(wanted)
        return 200, b'{"page":1}'

    call = PageCall(inner, max_body=100, answer=answer or made, server="Server 1")
    asyncio.run(call(scope, receive, send))
    return sent, asked, bool(inner.scopes)


def test_a_plain_request_is_answered_at_once():
    (head, body), (wanted,), is_on = called(parts=(b'{"user": "v",', b' "num": 7}'))
    assert (wanted.user, wanted.num, is_on) == ("v", 7, False)
    assert (head["status"], body["body"]) == (200, b'{"page":1}')
    assert dict(head["headers"]) == {b"content-length": b"10", JSON[0]: JSON[1], b"server": b"Server 1"}


@pytest.mark.parametrize("headers", [(), ((JSON[0], b"application/json; charset=utf-8"),)])
def test_json_is_what_a_body_is_unless_it_says_otherwise(headers):
    assert not called(headers=headers)[2]


@pytest.mark.parametrize(
    "other",
    [
        {"method": "GET"},
        {"path": "/v1/events"},
        {"length": 101},
        {"headers": ((JSON[0], b"multipart/form-data; boundary=x"),)},
        {"headers": ((JSON[0], b"application/vnd.bentoml+pickle"),)},
    ],
    ids=str,
)
def test_all_else_goes_on(other):
    assert called(**other) == ([], [], True)


def test_a_page_that_cannot_be_made_is_told_without_its_reasons(caplog):
    async def fails(wanted):
        raise RuntimeError("a secret of the house")

    head, body = called(answer=fails)[0]
    assert head["status"] == 500
    assert b"check the server log" in body["body"]
    assert b"secret" not in body["body"]
    assert "a secret of the house" in caplog.text


@pytest.mark.slow
def test_both_ways_answer_alike(world):
    """A body that is sent in chunks has no known length, and takes BentoML's route."""
    world.write_stub("r1")
    world.release("r1")
    bodies = (
        b'{"user": "v", "num": 3, "exploration": 0}', b'{"user": "v", "num": 2, "explain": true, "debug": true}',
        b"", b"{", b"[]", b"\xff\xfe", b'{"user": ""}', b'{"user": "u", "num": 0}', b'{"user": "u", "num": "7"}',
        b'{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}',
    )  # fmt: skip
    with start(world.settings, 0, command=COMMAND) as service, httpx.Client(base_url=service.url, timeout=30) as http:
        for body in bodies:
            for path in ("/recommend", "/v1/recommend"):
                sent = {"headers": {"content-type": "application/json", "x-request-id": "mine"}}
                short, long = http.post(path, content=body, **sent), http.post(path, content=iter([body]), **sent)
                assert short.status_code == long.status_code, body
                varying = ("date", "content-length")
                ours, theirs = (
                    {n: v for n, v in answer.headers.items() if n not in varying} for answer in (short, long)
                )
                assert ours == theirs
                assert shape(orjson.loads(short.content)) == shape(orjson.loads(long.content)), body
        counted = 'bentoml_service_request_total{endpoint="/v1/recommend",http_response_code="200"'
        assert counted in http.get("/metrics").text


def shape(answer):
    """An answer without what is another in each page."""
    if "error" in answer:
        return answer
    videos = [{name: type(value) for name, value in video.items()} for video in answer["videos"]]
    return {name: type(value) for name, value in answer.items()} | {"user": answer["user"], "videos": videos}
