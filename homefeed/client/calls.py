"""The calls of the service. A page or a batch of events is tried again when that can help, and only then."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import httpx
import orjson

from homefeed.client.answers import Page, ServiceState, page_of
from homefeed.client.errors import BusyError, ClientError, RefusedError, ServiceFaultError, UnreachableError
from homefeed.client.events import Device, Surface, new_id
from homefeed.client.patience import BUSY, Patience, draw, retry_after_s

Result = TypeVar("Result")
_JSON = {"content-type": "application/json"}
#: The connection failed. A request that was read and not answered in time is not tried again: that would double the
#: work of a service that is already slow.
_NOT_CONNECTED = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)
_TOO_LARGE = 413


class Client:
    """A client of one service. Connections are kept open: make one client per process and use it from any thread.

    Only a failed connection, a 429, a 502 and a 503 are tried again, after a random wait that doubles each time and is
    never shorter than the service's `Retry-After`.

    Args:
      url: of the service, such as http://127.0.0.1:3000.
      timeout_s: the longest that one attempt waits for the service, in seconds.
      retries: attempts after the first one.
      max_events: events in one POST; a longer `send` takes several. A service that takes fewer is sent smaller ones.
      max_wait_s: the longest wait between two attempts, in seconds; a service that asks for more is not waited for.
      transport: what carries the requests; None is the network. Tests give one of their own.
      sleep: waits so many seconds.

    Raises:
      RefusedError: `url` is no http address.
    """

    def __init__(
        self,
        url: str,
        timeout_s: float = 5.0,
        retries: int = 3,
        max_events: int = 10_000,
        max_wait_s: float = 10.0,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise RefusedError(f"{url!r} is no address of a service; one looks like http://127.0.0.1:3000")
        if max_events < 1:
            raise RefusedError(f"max_events is {max_events}; a POST holds at least one event")
        self._url = url.rstrip("/")
        self._patience = Patience(retries=retries, max_wait_s=max_wait_s)
        self._max_events = max_events
        self._sleep = sleep
        try:
            self._http = httpx.Client(base_url=self._url, timeout=timeout_s, transport=transport)
        except httpx.InvalidURL as error:
            raise RefusedError(f"{url!r} is no address of a service: {error}") from error

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def recommend(
        self,
        user: str,
        num: int = 100,
        device: Device = "other",
        surface: Surface = "home",
        exploration: float | None = None,
        country: str | None = None,
    ) -> Page:
        """A page of videos for a viewer, best first.

        Args:
          user: id of 1 to 64 bytes; one who was never seen gets a page too.
          num: videos wanted, 1 to 100.
          device, surface: what and where the page is shown on.
          exploration: share of the slots given to fresh or new content, 0 to 1; None is the service's own.
          country: ISO 3166 code of where the viewer is now; None is the profile's.

        Raises:
          ClientError: one of its kinds says why there is no page.
        """
        asked = {"user": user, "num": num, "device": device, "surface": surface}
        asked |= {"exploration": exploration, "country": country}
        answer = self._call("POST", "/v1/recommend", asked)
        return self._read(answer, lambda body: page_of(body, device, surface))

    def send(self, events: Iterable[Mapping[str, Any]]) -> int:
        """Hand events to the platform; returns how many, once all of them are on the service's disk.

        An event without `event_id` is given one before the first attempt, so an attempt that is repeated counts once.

        Args:
          events: made by `impression`, `watch`, `feedback` and `Page.impression`, or as docs/events.md describes.

        Raises:
          ClientError: some were not confirmed. Its `unsent` holds these with their ids: send those again later. After a
            RefusedError something is wrong with them: mend or drop the event that the message names (`events.3` is
            `unsent[3]`).
        """
        unsent = [event if event.get("event_id") else {**event, "event_id": new_id()} for event in events]
        num, at_once = len(unsent), self._max_events
        while unsent:
            batch = unsent[:at_once]
            try:
                answer = self._call("POST", "/v1/events", {"events": batch})
                self._read(answer, lambda body: body["accepted"])
            except ClientError as error:
                if isinstance(error, RefusedError) and error.status == _TOO_LARGE and len(batch) > 1:
                    at_once = len(batch) // 2
                    continue
                error.unsent = unsent
                raise
            del unsent[: len(batch)]
        return num

    def release(self) -> ServiceState:
        """What is live, what is in rollout and how fresh the candidates are. Raises ClientError."""
        return self._read(self._call("GET", "/v1/release"), lambda body: cast(ServiceState, dict(body)))

    def is_ready(self) -> bool:
        """Whether the service has loaded what it serves; False when it does not answer. Asks once."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """The answer, after as many attempts as it takes and is worth."""
        try:
            content = None if body is None else orjson.dumps(body)
        except orjson.JSONEncodeError as error:
            raise RefusedError(f"{path} takes JSON, and this is none: {error}") from error
        attempt = 0
        while True:
            failure, asked_s = self._attempt(method, path, content)
            if isinstance(failure, httpx.Response):
                return failure
            wait_s = self._patience.wait_s(attempt, asked_s, draw())
            if wait_s is None:
                raise failure
            self._sleep(wait_s)
            attempt += 1

    def _attempt(self, method: str, path: str, content: bytes | None) -> tuple[httpx.Response | ClientError, float]:
        """The answer, or an error that may pass and the wait that was asked for. Raises ClientError at any other."""
        where = f"{self._url}{path}"
        try:
            answer = self._http.request(method, path, content=content, headers=_JSON if content else None)
        except _NOT_CONNECTED as error:
            return UnreachableError(f"no service answers at {where}: {type(error).__name__}: {error}"), 0.0
        except httpx.TimeoutException as error:
            raise UnreachableError(f"{where} did not answer within {self._http.timeout.read} s") from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{where} cannot be called: {error}") from error
        if answer.is_success:
            return answer, 0.0
        said = f"{where} answered {answer.status_code}: {_sentence(answer)}"
        if answer.status_code in BUSY:
            asked_s = retry_after_s(answer.headers.get("retry-after"))
            return BusyError(said, answer.status_code, asked_s), asked_s
        if answer.is_client_error:
            raise RefusedError(said, answer.status_code)
        raise ServiceFaultError(said)

    def _read(self, answer: httpx.Response, read: Callable[[Any], Result]) -> Result:
        try:
            return read(orjson.loads(answer.content))
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceFaultError(
                f"{answer.url} answered {answer.status_code} with something else than a Homefeed service does: "
                f"{answer.text[:200]!r}"
            ) from error


def _sentence(answer: httpx.Response) -> str:
    try:
        said: str = orjson.loads(answer.content)["error"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
    return said
