"""The sinks against real receivers on loopback: a Prometheus Alertmanager, an SMTP server, an HTTP server."""

import json
import logging
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from stub_desk import NOW, Desk, length, rule

from homefeed.settings import load
from homefeed.settings.monitoring import AlertSettings
from monitoring.alerts.message import Message, message, text
from monitoring.alerts.sinks import Alertmanager, Log, Mail, RefusedError, SinkError, Slack, Webhook, sinks_of


@pytest.fixture
def told(desk: Desk) -> Message:
    """A message about one alert that fires."""
    desk.rules = (rule(summary="The queue <{name}> & co holds {value}."),)
    desk.look(length(11))
    return message("queue_long", desk.open(), NOW)


# Alertmanager


@pytest.fixture
def alertmanager(program: Callable[[str], str], tmp_path: Path) -> Iterator[str]:
    """URL of a real Alertmanager that tells nobody."""
    from homefeed.cli.supervisor.preflight import free_port

    config = tmp_path / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    url = f"http://127.0.0.1:{free_port()}"
    command = [program("prometheus-alertmanager"), f"--config.file={config}", f"--storage.path={tmp_path / 'data'}"]
    command += [f"--web.listen-address={url.removeprefix('http://')}", "--cluster.listen-address="]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            _wait(lambda: _is_ready(url), (tmp_path / "log").read_text)
            yield url
        finally:
            server.terminate()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=2).is_success
    except httpx.HTTPError:
        return False


def _wait(is_done: Callable[[], bool], why: Callable[[], str]) -> None:
    deadline = time.monotonic() + 60
    while not is_done():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


def _active(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{url}/api/v2/alerts", timeout=5).raise_for_status().json()
    return found


def test_alertmanager_keeps_one_alert_while_it_fires_and_none_afterwards(desk: Desk, alertmanager: str) -> None:
    knobs = AlertSettings(alertmanager_url=f"{alertmanager}/")
    desk.sinks = {"alertmanager": Alertmanager(knobs)}
    # Alertmanager takes an end that lies ahead of its own clock for no end: the desk's clock stays behind it.
    desk.now = datetime.now(UTC) - timedelta(minutes=2)
    desk.look(length(11))
    desk.look(length(12), after_s=0.1)
    (alert,) = _active(alertmanager)
    assert alert["labels"] == {
        "alertname": "queue_long",
        "name": "a",
        "severity": "page",
        "group": "queue_long",
        "owner": "data",
        "service": "homefeed",
    }
    assert alert["annotations"]["summary"] == "The queue of a holds 12, over 10."
    assert alert["annotations"]["runbook"] == "docs/runbook.md#queue-long"
    ends = datetime.fromisoformat(alert["endsAt"])
    assert ends > desk.now + timedelta(seconds=2 * knobs.interval_s), "past the next evaluations"

    def is_gone() -> bool:
        # A delivery that a busy machine made late is tried again by the next look.
        desk.look(length(3), after_s=0.1)
        return _active(alertmanager) == []

    _wait(is_gone, lambda: str(_active(alertmanager)))


def test_what_alertmanager_calls_wrong_is_refused_and_what_is_not_there_is_tried_again(
    told: Message, alertmanager: str
) -> None:
    sink = Alertmanager(AlertSettings(alertmanager_url=alertmanager))
    broken = {**told["alerts"][0], "since": "no time"}
    with pytest.raises(RefusedError, match="answered 4"):
        sink.send({**told, "alerts": [broken]}, NOW)
    with pytest.raises(SinkError, match=r"127\.0\.0\.1: ConnectError"):
        Alertmanager(AlertSettings(alertmanager_url="http://127.0.0.1:9")).send(told, NOW)


# Webhook and Slack


class Receiver:
    """An HTTP server that keeps what it gets and answers with `status`."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/secret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def test_the_webhook_gets_the_alerts_and_the_text(told: Message, receiver: Receiver) -> None:
    Webhook(receiver.url, 5).send(told, NOW)
    (got,) = receiver.got
    assert got["alerts"][0]["labels"] == {"name": "a"}
    assert (got["group"], got["status"], got["severity"]) == ("queue_long", "firing", "page")
    assert got["text"] == text(told)


def test_slack_gets_a_text_without_links_or_mentions(told: Message, receiver: Receiver) -> None:
    Slack(receiver.url, 5).send(told, NOW)
    (got,) = receiver.got
    assert set(got) == {"text"}
    assert got["text"].startswith("*[PAGE] FIRING: The queue &lt;a&gt; &amp; co holds 11.*\n```")
    assert "<" not in got["text"]


@pytest.mark.parametrize(
    ("status", "kind"), [(400, RefusedError), (404, SinkError), (429, SinkError), (503, SinkError)]
)
def test_an_answer_is_an_error_and_never_names_the_secret_path(
    told: Message, receiver: Receiver, status: int, kind: type[Exception]
) -> None:
    receiver.status = status
    with pytest.raises(kind, match=f"answered {status}") as caught:
        Webhook(receiver.url, 5).send(told, NOW)
    assert "secret" not in str(caught.value)


def test_a_url_that_is_none_is_told(told: Message) -> None:
    with pytest.raises(SinkError, match="URL of the sink cannot be used"):
        Webhook("http://host:port/", 5).send(told, NOW)


# E-mail


class Mailbox:
    """Keeps mails, or answers with `answer`."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope)
        return self.answer


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, AlertSettings]]:
    box = Mailbox()
    from homefeed.cli.supervisor.preflight import free_port

    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    knobs = AlertSettings(smtp_host="127.0.0.1", smtp_port=server.port, mail_to="oncall@example.org, lead@example.org")
    yield box, knobs
    server.stop()


def test_a_mail_reaches_every_receiver_with_the_whole_text(
    told: Message, mailbox: tuple[Mailbox, AlertSettings]
) -> None:
    box, knobs = mailbox
    Mail(knobs).send(told, NOW)
    (mail,) = box.mails
    assert mail.rcpt_tos == ["oncall@example.org", "lead@example.org"]
    head, _, body = mail.content.decode().replace("\r\n", "\n").partition("\n\n")
    assert "Subject: [PAGE] FIRING: The queue <a> & co holds 11." in head
    assert body.strip() == text(told).strip()


@pytest.mark.parametrize(("answer", "kind"), [("451 try later", SinkError), ("554 spam", RefusedError)])
def test_what_the_mail_server_says_decides_whether_it_is_tried_again(
    told: Message, mailbox: tuple[Mailbox, AlertSettings], answer: str, kind: type[Exception]
) -> None:
    box, knobs = mailbox
    box.answer = answer
    with pytest.raises(kind, match=answer[:3]):
        Mail(knobs).send(told, NOW)


def test_a_mail_server_that_is_not_there_or_cannot_encrypt_or_has_no_password_is_told(
    told: Message, mailbox: tuple[Mailbox, AlertSettings], tmp_path: Path
) -> None:
    _, knobs = mailbox
    for changed, match in (
        ({"smtp_port": 9}, "ConnectionRefusedError"),
        ({"smtp_starttls": True}, "STARTTLS"),
        ({"smtp_user": "u"}, "SMTP_PASSWORD_FILE"),
        ({"smtp_user": "u", "smtp_password_file": tmp_path / "none"}, "FileNotFoundError"),
    ):
        with pytest.raises(SinkError, match=match):
            Mail(knobs.model_copy(update=changed)).send(told, NOW)


# The log, and which sinks there are


def test_the_log_gets_a_page_as_an_error_and_a_ticket_as_a_warning(
    told: Message, caplog: pytest.LogCaptureFixture
) -> None:
    Log().send(told, NOW)
    Log().send({**told, "severity": "ticket"}, NOW)
    assert [record.levelno for record in caplog.records if record.name == "homefeed.alerts"] == [
        logging.ERROR,
        logging.WARNING,
    ]


def test_a_sink_without_an_address_is_not_used() -> None:
    assert set(sinks_of(load(alerts=AlertSettings()))) == {"log"}
    everything = AlertSettings(
        alertmanager_url="http://a", webhook_url="http://b", slack_url="http://c", smtp_host="d", mail_to="e@f"
    )
    assert set(sinks_of(load(alerts=everything))) == {"log", "alertmanager", "webhook", "slack", "mail"}
