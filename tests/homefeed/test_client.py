import json
import subprocess
import sys
import typing
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from homefeed.client import (
    BusyError,
    Client,
    RefusedError,
    ServiceFaultError,
    UnreachableError,
    events,
    feedback,
    impression,
    watch,
)
from homefeed.client.patience import Patience, retry_after_s
from homefeed.schema import EVENTS
from homefeed.schema.events import DEVICES, FEEDBACK, SURFACES
from homefeed.settings.serving import ServingSettings

NOW = datetime(2026, 11, 23, 22, 5, tzinfo=UTC)
SLOT = {
    "slot": 0,
    "video": "video-1",
    "title": "Sourdough",
    "channel": "channel-1",
    "topics": ["bread"],
    "duration_s": 60.0,
    "uploaded": NOW.isoformat(),
    "source": "fresh",
    "score": 0.5,
    "propensity": 0.9,
    "explored": False,
    "why": "New from a channel you follow.",
}
PAGE = {
    "request_id": "r-1",
    "release": "r1",
    "user": "viewer-1",
    "time": NOW.isoformat(),
    "latency_ms": 3.5,
    "degraded": [],
    "videos": [SLOT],
}


class Service:
    """Answers one after the other, the last one for ever; keeps the bodies it was sent and the waits between them."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.bodies = []
        self.waits = []

    def __call__(self, request):
        self.bodies.append(json.loads(request.content) if request.content else None)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(self.bodies[-1]) if callable(answer) else answer

    def client(self, **changes):
        return Client("http://site/", transport=httpx.MockTransport(self), sleep=self.waits.append, **changes)


def busy(status=503, **headers):
    return httpx.Response(status, json={"error": "not now"}, headers=headers)


def taken(body):
    return httpx.Response(202, json={"accepted": len(body["events"])})


def like(number):
    return feedback("viewer-1", f"video-{number}", "like", time=NOW)


def test_nothing_to_send_asks_nothing():
    service = Service(busy())
    assert service.client().send([]) == 0
    assert service.bodies == []


def test_a_page_comes_as_objects_and_what_a_newer_service_adds_is_left_out():
    newer = PAGE | {"mood": "good", "videos": [SLOT | {"badge": "4K"}]}
    service = Service(httpx.Response(200, json=newer))
    page = service.client().recommend("viewer-1", num=1, device="tv")
    asked = {"user": "viewer-1", "num": 1, "device": "tv", "surface": "home", "exploration": None, "country": None}
    assert service.bodies == [asked]
    assert (page.release, page.videos[0].topics, page.device, page.surface) == ("r1", ("bread",), "tv", "home")
    event = page.impression(0, NOW)
    assert {k: v for k, v in event.items() if k != "event_id"} == {
        "type": "impression",
        "time": "2026-11-23T22:05:00+00:00",
        "user": "viewer-1",
        "video": "video-1",
        "request_id": "r-1",
        "slot": 0,
        "surface": "home",
        "device": "tv",
        "release": "r1",
        "source": "fresh",
        "score": 0.5,
        "propensity": 0.9,
        "explored": False,
    }
    for slot in (-1, 1):
        with pytest.raises(RefusedError, match="slots 0 to 0, not"):
            page.impression(slot)


def test_every_field_of_a_constructor_is_one_of_the_schema():
    made = (
        impression(
            "u", "v", request_id="r", slot=0, device="tv", score=1.0, propensity=1.0, explored=True, source="fresh"
        ),
        watch("u", "v", 3.5, request_id="r"),
        feedback("u", "v", "like", request_id="r"),
    )
    for event in made:
        columns = EVENTS[event["type"]]
        assert event.keys() <= {column.name for column in columns}
        assert {column.name for column in columns if column.required} <= event.keys()
    assert len({event["event_id"] for event in made}) == 3
    assert typing.get_args(events.Device) == DEVICES
    assert typing.get_args(events.Surface) == SURFACES
    assert typing.get_args(events.Kind) == FEEDBACK
    assert Client("http://site")._max_events == ServingSettings().max_events


def test_a_watch_ends_now_and_a_time_without_a_zone_is_refused():
    start = datetime.fromisoformat(watch("u", "v", 600.0)["time"])
    assert timedelta(seconds=599) < datetime.now(UTC) - start < timedelta(seconds=700)
    assert watch("u", "v", 600.0, start=NOW)["time"] == "2026-11-23T22:05:00+00:00"
    with pytest.raises(RefusedError, match="no time zone"):
        feedback("u", "v", "like", time=datetime(2026, 11, 23))
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(RefusedError, match="seconds, 0 or more"):
            watch("u", "v", seconds)


@pytest.mark.parametrize(
    "failure", [busy(429), busy(502), busy(503), httpx.ConnectError("refused"), httpx.ReadError("reset")]
)
def test_what_may_pass_is_tried_again_with_the_same_body(failure):
    service = Service(failure, failure, taken)
    event = {"type": "watch", "time": NOW.isoformat(), "user": "u", "video": "v", "seconds": 3.5}
    assert service.client().send([event, like(1)]) == 2
    assert len(service.bodies) == 3
    assert service.bodies[0] == service.bodies[1] == service.bodies[2]
    assert service.bodies[0]["events"][0]["event_id"].startswith("e-")  # made before the first attempt
    assert "event_id" not in event
    assert 0 <= service.waits[0] < 0.1
    assert 0 <= service.waits[1] < 0.2


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 422])
def test_a_wrong_call_is_made_once(status):
    service = Service(httpx.Response(status, json={"error": "num: Input should be less"}))
    with pytest.raises(
        RefusedError, match=f"http://site/v1/recommend answered {status}: num: Input should be"
    ) as caught:
        service.client().recommend("u", num=300)
    assert (caught.value.status, len(service.bodies), service.waits) == (status, 1, [])


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (httpx.Response(500, text="oh"), ServiceFaultError, "answered 500: oh"),
        (httpx.Response(504, json={"error": "too slow"}), ServiceFaultError, "answered 504: too slow"),
        (httpx.Response(302, headers={"location": "/login"}), ServiceFaultError, "answered 302"),
        (
            httpx.Response(200, text="<html>"),
            ServiceFaultError,
            "something else than a Homefeed service does: '<html>'",
        ),
        (httpx.Response(200, json=[]), ServiceFaultError, "something else"),
        (httpx.Response(200, json={"videos": []}), ServiceFaultError, "something else"),
        (httpx.ReadTimeout("slow"), UnreachableError, "did not answer within 5.0 s"),
    ],
)
def test_a_fault_is_not_repeated(answer, error, why):
    service = Service(answer)
    with pytest.raises(error, match=why):
        service.client().recommend("u")
    assert len(service.bodies) == 1


def test_retry_after_is_waited_for_and_a_longer_one_than_allowed_is_handed_on():
    service = Service(busy(**{"Retry-After": "2"}), httpx.Response(200, json=PAGE))
    assert service.client().recommend("u").request_id == "r-1"
    assert 2 <= service.waits[0] < 2.1
    service = Service(busy(429, **{"Retry-After": "60"}))
    with pytest.raises(BusyError, match="answered 429: not now") as caught:
        service.client().recommend("u")
    assert (caught.value.status, caught.value.retry_after_s, service.waits) == (429, 60, [])


def test_retries_end_and_none_means_none():
    service = Service(busy())
    with pytest.raises(BusyError, match="answered 503: not now"):
        service.client(retries=2).recommend("u")
    assert (len(service.bodies), len(service.waits)) == (3, 2)
    service = Service(httpx.ConnectError("refused"))
    with pytest.raises(UnreachableError, match="no service answers at http://site/v1/recommend: ConnectError: refused"):
        service.client(retries=0).recommend("u")
    assert len(service.bodies) == 1


def test_the_wait_doubles_up_to_its_bound():
    patience = Patience(retries=9, backoff_s=0.1, max_wait_s=1.0)
    assert [patience.wait_s(n, 0.0, 1.0) for n in (0, 1, 2, 3, 4, 8, 9)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, None]
    assert patience.wait_s(3, 0.0, 0.0) == 0.0
    assert patience.wait_s(0, 1.0, 0.5) == pytest.approx(1.05)


def test_both_forms_of_retry_after():
    assert retry_after_s("Mon, 23 Nov 2026 22:05:07 GMT", NOW) == 7
    assert retry_after_s("Mon, 23 Nov 2026 22:04:00 GMT", NOW) == 0
    assert [retry_after_s(header) for header in (None, "", "3", " 3 ", "soon", "-1", "²")] == [0, 0, 3, 3, 0, 0, 0]


def test_a_long_list_is_sent_in_batches():
    service = Service(taken)
    sent = [like(n) for n in range(5)]
    assert service.client(max_events=2).send(iter(sent)) == 5
    assert [len(body["events"]) for body in service.bodies] == [2, 2, 1]
    assert [event for body in service.bodies for event in body["events"]] == sent


def test_a_batch_that_is_too_large_is_halved_until_it_fits():
    def small(body):
        num = len(body["events"])
        return (
            httpx.Response(413, json={"error": "too large"}) if num > 2 else httpx.Response(202, json={"accepted": num})
        )

    service = Service(small)
    assert service.client().send([like(n) for n in range(5)]) == 5
    assert [len(body["events"]) for body in service.bodies] == [5, 2, 2, 1]
    service = Service(httpx.Response(413, json={"error": "too large"}))
    with pytest.raises(RefusedError, match="413: too large"):
        service.client().send([like(1)])


def test_what_was_not_confirmed_is_handed_back_with_its_ids():
    service = Service(taken, busy())
    sent = [like(n) for n in range(5)]
    with pytest.raises(BusyError) as caught:
        service.client(max_events=2, retries=0).send(sent)
    assert list(caught.value.unsent) == sent[2:]


def test_what_is_no_json_is_refused_here():
    service = Service(taken)
    with pytest.raises(RefusedError, match="/events takes JSON"):
        service.client().send([like(1) | {"video": "\ud800"}])
    assert service.bodies == []


def test_an_address_that_is_none_is_said_so():
    for url in ("", "site:3000", "ftp://site", "http://[::"):
        with pytest.raises(RefusedError, match="is no address of a service"):
            Client(url)


def test_readiness_is_asked_once():
    for answer, is_ready in ((httpx.Response(200), True), (busy(), False), (httpx.ConnectError("no"), False)):
        service = Service(answer)
        assert service.client().is_ready() is is_ready
        assert len(service.bodies) == 1


def test_the_import_is_light():
    code = "import sys, homefeed.client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"tensorflow", "airflow", "numpy", "pandas", "pyarrow", "duckdb", "bentoml", "feast", "pydantic"}
    assert heavy & set(loaded) == set()
