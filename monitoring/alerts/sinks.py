"""Where messages go: the log, Alertmanager, a webhook, Slack or what speaks like it, e-mail."""

import logging
import smtplib
import ssl
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, Protocol

import httpx

from homefeed.errors import HomefeedError
from homefeed.settings import Settings
from homefeed.settings.monitoring import AlertSettings
from monitoring.alerts.course import picture
from monitoring.alerts.message import Message, subject, text

_logger = logging.getLogger("homefeed.alerts")
#: Answers that say that the message itself is wrong, so that it would be refused again.
_REFUSED = (400, 413, 422)
#: Evaluations that may be missed before Alertmanager takes an alert for resolved.
_MISSED = 5


class SinkError(HomefeedError):
    """A message was not taken; it is tried again."""


class RefusedError(HomefeedError):
    """A message was refused for what it says; trying again is no use."""


class Sink(Protocol):
    """One way to tell people."""

    #: Whether it forgets an alert that it is not told of again and again.
    forgets: bool

    def send(self, told: Message, now: datetime) -> None:
        """Deliver a message. Raises SinkError to be asked again, RefusedError when that is no use."""


def sinks_of(settings: Settings) -> dict[str, Sink]:
    """Every sink that has an address, by name; the log is always one."""
    knobs = settings.alerts
    found: dict[str, Sink] = {"log": Log()}
    if knobs.alertmanager_url:
        found["alertmanager"] = Alertmanager(knobs)
    if knobs.webhook_url:
        found["webhook"] = Webhook(knobs.webhook_url, knobs.sink_timeout_s)
    if knobs.slack_url:
        found["slack"] = Slack(knobs.slack_url, knobs.sink_timeout_s)
    if knobs.smtp_host and knobs.mail_to:
        found["mail"] = Mail(knobs)
    return found


class Log:
    """The log of the process that evaluates."""

    forgets = False

    def send(self, told: Message, now: datetime) -> None:
        """Log it: an error for what somebody has to get up for."""
        is_bad = told["severity"] == "page" and told["status"] == "firing"
        _logger.log(logging.ERROR if is_bad else logging.WARNING, "%s", text(told))


class Webhook:
    """Any URL: the message as JSON, with the text for people."""

    forgets = False

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s

    def send(self, told: Message, now: datetime) -> None:
        """POST it."""
        _post(self._url, {**told, "text": text(told)}, self._timeout_s)


class Slack:
    """Slack's incoming webhook."""

    forgets = False

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s

    def send(self, told: Message, now: datetime) -> None:
        """POST the text; `&`, `<` and `>` would be links and mentions."""
        plain = text(told).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        head, _, body = plain.partition("\n")
        _post(self._url, {"text": f"*{head}*\n```{body.strip()}```"}, self._timeout_s)


class Alertmanager:
    """Prometheus Alertmanager, API v2. It is told of all that fires at each evaluation, and resolves by itself what
    it is told of no more."""

    forgets = True

    def __init__(self, knobs: AlertSettings) -> None:
        self._url = f"{knobs.alertmanager_url.rstrip('/')}/api/v2/alerts"
        self._timeout_s = knobs.sink_timeout_s
        self._kept = timedelta(seconds=max(_MISSED * knobs.interval_s, 300.0))

    def send(self, told: Message, now: datetime) -> None:
        """POST its alerts; `endsAt` lies some evaluations ahead while they fire."""
        _post(self._url, [self._alert(alert, now) for alert in told["alerts"]], self._timeout_s)

    def _alert(self, alert: Message, now: datetime) -> dict[str, Any]:
        # Labels are the identity: what changes while an alert fires is an annotation.
        labels = {name: str(alert[name]) for name in ("severity", "group", "owner")}
        told = ("summary", "since", "value", "bound", "affected", "done", "runbook", "evidence", "picture")
        words = {name: str(alert.get(name, "")) for name in told}
        return {
            "labels": {**alert["labels"], **labels, "alertname": alert["rule"], "service": "homefeed"},
            "annotations": {**words, "commands": "\n".join(alert["commands"])},
            "startsAt": alert["since"],
            "endsAt": alert["resolved"] or (now + self._kept).isoformat(),
        }


class Mail:
    """E-mail by SMTP."""

    forgets = False

    def __init__(self, knobs: AlertSettings) -> None:
        self._knobs = knobs

    def send(self, told: Message, now: datetime) -> None:
        """Send it to every receiver."""
        knobs = self._knobs
        mail = EmailMessage()
        mail["Subject"] = " ".join(subject(told).split())
        mail["From"], mail["To"] = knobs.mail_from, knobs.mail_to
        mail["X-Homefeed-Group"] = told["group"]
        mail.set_content(text(told))
        for number, alert in enumerate(told["alerts"], 1):
            drawn = picture(alert["summary"], alert.get("course", []), alert["bound"], alert["kind"])
            if drawn:
                name = f"{number}-{alert['rule']}.svg"
                mail.add_attachment(drawn.encode(), maintype="image", subtype="svg+xml", filename=name)
        try:
            with smtplib.SMTP(knobs.smtp_host, knobs.smtp_port, timeout=knobs.sink_timeout_s) as server:
                if knobs.smtp_starttls:
                    server.starttls(context=ssl.create_default_context())
                if knobs.smtp_user:
                    server.login(knobs.smtp_user, self._password())
                server.send_message(mail)
        except smtplib.SMTPDataError as error:
            kind = RefusedError if error.smtp_code >= 500 else SinkError
            raise kind(f"{knobs.smtp_host}:{knobs.smtp_port} said {error.smtp_code}: {error.smtp_error!r}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise SinkError(f"{knobs.smtp_host}:{knobs.smtp_port}: {type(error).__name__}: {error}") from error

    def _password(self) -> str:
        file = self._knobs.smtp_password_file
        if file is None:
            raise SinkError("HOMEFEED_ALERTS__SMTP_USER is set without HOMEFEED_ALERTS__SMTP_PASSWORD_FILE")
        return file.read_text().strip()


def _post(url: str, body: Any, timeout_s: float) -> None:
    # The path of a webhook is its secret: errors name the host alone.
    try:
        where = httpx.URL(url).host
        answer = httpx.post(url, json=body, timeout=timeout_s)
    except httpx.InvalidURL as error:
        raise SinkError(f"the URL of the sink cannot be used: {error}") from error
    except httpx.HTTPError as error:
        raise SinkError(f"{where}: {type(error).__name__}: {error}") from error
    if answer.is_success:
        return
    kind = RefusedError if answer.status_code in _REFUSED else SinkError
    raise kind(f"{where} answered {answer.status_code}: {answer.text[:200]}")
