"""When a call is tried again and after how long: exponential backoff with full jitter.

Many clients that failed together must not come back together, so each waits a random part of the whole interval
(Brooker 2015, Exponential backoff and jitter, AWS architecture blog: full jitter).
"""

import email.utils
import random
from dataclasses import dataclass
from datetime import UTC, datetime

#: Answers that say "not now" rather than "not like this"; 502 is a balancer's, whose replica went away unanswered.
BUSY = (429, 502, 503)


@dataclass(frozen=True)
class Patience:
    """How often and how long a client waits.

    Attributes:
      retries: attempts after the first one.
      backoff_s: upper end of the first wait, in seconds; it doubles with each attempt.
      max_wait_s: longest wait, in seconds. A service that asks for more is not waited for.
    """

    retries: int = 3
    backoff_s: float = 0.1
    max_wait_s: float = 10.0

    def wait_s(self, attempt: int, retry_after_s: float, draw: float) -> float | None:
        """Seconds until the next attempt, or None when there is to be none.

        Args:
          attempt: attempts that failed before this one, 0 at first.
          retry_after_s: what the service asked for; the jitter comes on top, so that not all return at that instant.
          draw: uniform in [0, 1).
        """
        if attempt >= self.retries or retry_after_s > self.max_wait_s:
            return None
        return retry_after_s + draw * min(self.backoff_s * 2.0**attempt, self.max_wait_s)


def draw() -> float:
    """A uniform draw in [0, 1)."""
    return random.random()


def retry_after_s(header: str | None, now: datetime | None = None) -> float:
    """Seconds that a `Retry-After` header asks for, a number or a date (RFC 9110, 10.2.3); 0 when it is neither."""
    if header is None:
        return 0.0
    if header.isascii() and header.strip().isdigit():
        return float(header)
    try:
        until = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - (now or datetime.now(UTC))).total_seconds(), 0.0)
