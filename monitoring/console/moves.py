"""Recent moves of releases: who or what moved them, why, on which evidence."""

from datetime import timedelta
from html import escape

from homefeed.registry import Transition
from monitoring.console.checks import checks_table
from monitoring.console.desk import Desk
from monitoring.console.markup import badge, counted, link, moment, more, nothing, table

_SPAN = timedelta(days=7)
_MOST = 30
_HEAD = ("release", "when", "move", "by", "why", "evidence")


def moves(desk: Desk) -> str:
    """Moves of the last week, the newest first; looks that moved nothing are on the page of the release."""
    found = desk.registry.moves(since=desk.now - _SPAN)[::-1]
    if not found:
        return nothing("No release was moved in the last week.")
    rest = f"<p>{len(found) - _MOST:,} older ones: `homefeed release show RELEASE`.</p>" if len(found) > _MOST else ""
    return table("Moves of the last week", _HEAD, [_row(desk, move) for move in found[:_MOST]]) + rest


def _row(desk: Desk, move: Transition) -> list[str]:
    words = f"{counted(len(move.checks), 'check')}, {move.verdict}"
    return [
        link(desk.release_url(move.release), move.release),
        moment(move.at, desk.now),
        f"{badge(str(move.from_stage))} to {badge(str(move.to_stage))}",
        escape(move.who or "gates"),
        escape(move.reason),
        more(words, checks_table(desk, f"Checks of {move.release}, {move.at:%H:%M}", move.checks)),
    ]
