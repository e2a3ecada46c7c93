"""What can go wrong between a site and the service, by what the site can do about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from homefeed.errors import HomefeedError


class ClientError(HomefeedError):
    """A call came to nothing; the message holds the service's own sentence.

    Attributes:
      unsent: after `Client.send`, the events that the service did not confirm, with their ids: send them again later.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.unsent: Sequence[Mapping[str, Any]] = ()


class UnreachableError(ClientError):
    """No answer: no connection, or none in time. Show a page of your own and try again later."""


class BusyError(ClientError):
    """The service answered 429 or 503, or a balancer before it 502, to every attempt.

    Attributes:
      status: of the last answer.
      retry_after_s: how long it asked to be left alone, in seconds; 0 when it did not say.
    """

    def __init__(self, message: str, status: int, retry_after_s: float) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class RefusedError(ClientError):
    """The service answered 4xx: the call itself is wrong, and trying again does not help.

    Attributes:
      status: of the answer; 0 when the call was refused here, before it was sent.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ServiceFaultError(ClientError):
    """The service failed (5xx other than 502 and 503), or what answers is no Homefeed service."""
