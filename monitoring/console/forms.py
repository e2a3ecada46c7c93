"""The buttons of the page: plain forms that need no script, each with a reason."""

from collections.abc import Mapping
from html import escape

from monitoring.console.desk import Desk

#: Order -> what its button is called, and what it does in one sentence.
LABELS: Mapping[str, tuple[str, str]] = {
    "pause": ("Pause", "It stays in its stage until it is resumed. A gate that fails still rolls it back."),
    "resume": ("Resume", "It goes on; the next look of the gates may promote it."),
    "approve": ("Approve", "A person's yes to the next stage. To say no, roll it back."),
    "promote": ("Promote", "One stage on, without waiting for the dwell time; the gates are asked first."),
    "roll_back": ("Roll back", "Off viewers at once, for good. For the live one, the release before it is live again."),
    "silence": ("Silence", "Nobody is told of the alert for a while. It still counts and still holds promotions."),
    "end_silence": ("End silence", "People are told again from now on."),
    "resolve": ("Resolve", "Closed. While its cause is there it begins anew and fires again after its time."),
}
#: Orders that may be given over what stands against them.
_FORCED = ("promote", "roll_back")
#: Orders that keep no reason.
_UNASKED = ("end_silence",)


def form(desk: Desk, order: str, subject: str, **hidden: str) -> str:
    """One order, folded away under its name; empty for whoever may give none.

    Args:
      desk: whose view it is.
      order: a key of `LABELS`.
      subject: the release, alert or silence, as a person calls it.
      hidden: what the order is about: `release` and its `stage`, `alert`, `rule` and its labels, or `silence`.
    """
    if not desk.may_order:
        return ""
    label, meaning = LABELS[order]
    kept = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in {"order": order, **hidden}.items()
    )
    # Unique on the page, so that every label belongs to its own field.
    key = escape("-".join([order, *hidden.values()]))
    asks = "" if order in _UNASKED else _reason(key)
    asks += _lasting(key) if order == "silence" else ""
    asks += _forced(key) if order in _FORCED else ""
    return (
        f'<details class="order"><summary>{escape(label)}<span class="unseen"> {escape(subject)}</span></summary>'
        f'<form method="post" action="{desk.root}/orders">{kept}<p id="m-{key}">{escape(meaning)}</p>'
        f'{asks}<button>{escape(label)}<span class="unseen"> {escape(subject)}</span></button></form></details>'
    )


def _reason(key: str) -> str:
    return (
        f'<label for="r-{key}">Why? It is kept.</label>'
        f'<input id="r-{key}" name="reason" required maxlength="1000" autocomplete="off" aria-describedby="m-{key}">'
    )


def _lasting(key: str) -> str:
    options = "".join(f'<option value="{time}">{name}</option>' for time, name in _TIMES)
    return f'<label for="l-{key}">For how long?</label><select id="l-{key}" name="lasting">{options}</select>'


_TIMES = (("30m", "30 minutes"), ("2h", "2 hours"), ("8h", "8 hours"), ("1d", "1 day"), ("7d", "7 days"))


def _forced(key: str) -> str:
    return (
        f'<label class="check" for="f-{key}"><input id="f-{key}" type="checkbox" name="force" value="1"> '
        "although something stands against it (kept too)</label>"
    )
