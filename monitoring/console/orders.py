"""What a form of the page orders: the same orders as those of the command line."""

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from glob import escape
from multiprocessing import get_context

from homefeed.errors import HomefeedError
from homefeed.registry import open_registry
from homefeed.settings import Settings
from monitoring import orders
from monitoring.alerts import orders as alert_orders


class OrderError(HomefeedError):
    """A form says nothing that can be done; the message says what to do."""


@dataclass(frozen=True)
class Order:
    """One order as it came in.

    Attributes:
      settings: the settings tree.
      fields: the fields of the form.
      who: the person who is logged in.
      now: time of the order.
    """

    settings: Settings
    fields: Mapping[str, str]
    who: str
    now: datetime

    def field(self, name: str) -> str:
        """One field that the order cannot do without."""
        value = self.fields.get(name, "")
        if not value:
            raise OrderError(f"the form came without {name!r}: open the page again and give the order there")
        return value

    @property
    def reason(self) -> str:
        """Why, as it was typed."""
        return self.fields.get("reason", "")

    @property
    def is_forced(self) -> bool:
        """Whether it is given over what stands against it."""
        return self.fields.get("force") == "1"


def give(settings: Settings, fields: Mapping[str, str], who: str, now: datetime) -> str:
    """Do what a form orders.

    Args:
      settings: the settings tree.
      fields: `order`, `reason`, and what the order is about.
      who: the person who is logged in; kept with the reason.
      now: time of the order.

    Returns:
      What has happened, in one sentence.

    Raises:
      HomefeedError: it was not done; the message says why and what to do.
    """
    order = Order(settings, fields, who, now)
    name = order.field("order")
    if name not in _ORDERS:
        raise OrderError(f"there is no order {name!r}; orders are {', '.join(_ORDERS)}")
    return _ORDERS[name](order)


def _release(order: Order) -> str:
    """The release, if it is still in the stage that the person saw: a form that is sent twice moves it once."""
    release_id, seen = order.field("release"), order.field("stage")
    release = open_registry(order.settings.resolved_registry_url).release(release_id)
    if release is not None and release.stage != seen:
        raise OrderError(
            f"{release_id} has gone from {seen} to {release.stage} since the page was opened, so nothing was changed: "
            "look at it again"
        )
    return release_id


def _pause(order: Order) -> str:
    done = orders.pause(order.settings, _release(order), order.who, order.reason, order.now)
    return f"{done.id} is paused: it stays in {done.stage} until it is resumed."


def _resume(order: Order) -> str:
    done = orders.resume(order.settings, _release(order), order.who, order.reason, order.now)
    return f"{done.id} goes on from {done.stage} at the next look of the gates."


def _approve(order: Order) -> str:
    done = orders.approve(order.settings, _release(order), order.who, order.reason, order.now)
    return f"{done.id} is approved: it goes on from {done.stage} at the next look of the gates."


def _promote(order: Order) -> str:
    # The gates may load models: in a process that ends with them, not in the one that serves the page.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        stage = pool.submit(
            promoted, order.settings, _release(order), order.who, order.reason, order.now, order.is_forced
        ).result()
    return f"{order.field('release')} is {stage}; the service follows within {order.settings.serving.poll_s:g} s."


def promoted(settings: Settings, release_id: str, who: str, reason: str, now: datetime, is_forced: bool) -> str:
    """The stage after `monitoring.orders.promote`."""
    return str(orders.promote(settings, release_id, who, reason, now, is_forced=is_forced).stage)


def _roll_back(order: Order) -> str:
    release_id = _release(order)
    done, live = orders.roll_back(
        order.settings, release_id, order.who, order.reason, order.now, is_forced=order.is_forced
    )
    after = f"{live.id} is live" if live else "nothing is live: pages are trending"
    return f"{done.id} is rolled back; {after}; the service follows within {order.settings.serving.poll_s:g} s."


def _silence(order: Order) -> str:
    # What a label says is taken as it is, not as a pattern.
    labels = {name.removeprefix("label-"): escape(v) for name, v in order.fields.items() if name.startswith("label-")}
    rule, lasting = order.field("rule"), order.field("lasting")
    row = alert_orders.silence(order.settings, rule, labels, lasting, order.who, order.reason, order.now)
    return f"Nobody is told of {rule} until {row.until:%Y-%m-%d %H:%M} UTC (silence {row.id})."


def _end_silence(order: Order) -> str:
    row = alert_orders.end_silence(order.settings, order.field("silence"), order.now)
    return f"Silence {row.id} has ended."


def _resolve(order: Order) -> str:
    alert_id = order.field("alert")
    if not alert_id.isdecimal():
        raise OrderError(f"an alert is resolved by its id, not {alert_id!r}: open the page again")
    row = alert_orders.resolve(order.settings, int(alert_id), order.who, order.reason, order.now)
    return f"Alert {row.id} ({row.rule}) is resolved; people are told with the next evaluation."


_ORDERS: Mapping[str, Callable[[Order], str]] = {
    "pause": _pause,
    "resume": _resume,
    "approve": _approve,
    "promote": _promote,
    "roll_back": _roll_back,
    "silence": _silence,
    "end_silence": _end_silence,
    "resolve": _resolve,
}
