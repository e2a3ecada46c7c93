"""Why the first release did not go live, for whoever waits for it."""

from datetime import datetime

from homefeed.registry import Registry, Stage
from homefeed.verdict import Verdict


def refused(registry: Registry, since: datetime) -> str:
    """What rolled back the newest release since a time, in sentences; empty while one is on its way or none was."""
    if registry.in_rollout() or registry.live() is not None:
        return ""
    back = [move for move in registry.moves(since) if move.to_stage == Stage.ROLLED_BACK]
    if not back:
        return ""
    newest = back[-1]
    failed = [check for check in newest.checks if check["verdict"] == Verdict.FAIL]
    why = "; ".join(f"{check['name']}: {check['detail']}" for check in failed) or newest.reason
    return (
        f"{newest.release} was rolled back by {newest.who or 'its gates'}, so there is no first release ({why}). "
        f"`homefeed release show {newest.release}` has every check. The same history would train the same: start "
        "again when the event log has more windows, or anew with more (`make clean`, HOMEFEED_WORLD__HISTORY_DAYS)"
    )
