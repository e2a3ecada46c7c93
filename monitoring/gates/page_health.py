"""G11: pages in shadow are pages: full, of many videos, and without any that must not be shown."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from homefeed.settings.rollout import RolloutSettings
from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.look import Look
from monitoring.shadow_pages import ShadowPages

if TYPE_CHECKING:
    from feature_repo.erasure import Remains

#: Videos whose share of the slots is the concentration: as many as are at the top of every page when a ranker gives up.
_MOST_SHOWN = 20


def page_health(look: Look) -> list[Check]:
    """`page_empty`, `page_withdrawn`, `page_dismissed`, `page_coverage` and `page_concentration` of the pages made in
    shadow since the release entered its stage, the last two against live's pages for the same requests; `page_erased`
    of what pages and the next models would be made from."""
    from feature_repo.erasure import remains

    return [*health_checks(look.shadow_pages, look.settings.rollout), erased_check(remains(look.settings))]


def erased_check(left: "Remains") -> Check:
    """`page_erased`: rows that lake and online store still hold of viewers who were erased."""
    named = ", ".join(f"{table} ({num})" for table, num in left.rows.items())
    named += f"{', ' if named else ''}online store ({len(left.online)})" if left.online else ""
    what = f"rows left of {left.num_erased} erased viewers{': ' + named if named else ''}"
    if named:
        what += "; `homefeed erase` again takes away what was ingested again"
    return _none("page_erased", sum(left.rows.values()) + len(left.online), left.num_erased, what)


def health_checks(pages: ShadowPages, knobs: RolloutSettings) -> list[Check]:
    """The same from the pages."""
    num, least = len(pages), knobs.min_shadow_pages
    if num < least:
        why = f"{num} of the {least} shadow pages it takes"
        return [
            waiting(f"page_{name}", why, num)
            for name in ("empty", "withdrawn", "dismissed", "coverage", "concentration")
        ]
    slots = len(pages.videos)
    empty = int(((pages.lengths == 0) & (pages.live_lengths > 0)).sum())
    checks = [
        _none("page_empty", empty, num, "pages without a video where live had some"),
        _none("page_withdrawn", pages.num_withdrawn, slots, "slots with a video that is off the site, or unknown"),
        _none("page_dismissed", pages.num_dismissed, slots, "slots with a video that the viewer had dismissed"),
    ]
    covered, live = (len(np.unique(videos)) for videos in (pages.videos, pages.live_videos))
    if not slots or not live:
        return [*checks, *(waiting(f"page_{name}", "no video was shown") for name in ("coverage", "concentration"))]
    top, live_top = concentration(pages.videos), concentration(pages.live_videos)
    return [
        *checks,
        Check(
            "page_coverage",
            Verdict.PASS if covered >= knobs.min_coverage * live else Verdict.FAIL,
            value=covered / live,
            bound=knobs.min_coverage,
            num_samples=num,
            detail=f"different videos shown, {covered} against live's {live}",
        ),
        Check(
            "page_concentration",
            Verdict.PASS if top <= live_top + knobs.max_concentration_gain else Verdict.FAIL,
            value=top,
            bound=live_top + knobs.max_concentration_gain,
            num_samples=slots,
            detail=f"share of the slots with the {_MOST_SHOWN} videos shown most, against live's {live_top:.3f}",
        ),
    ]


def concentration(videos: NDArray[np.int64]) -> float:
    """Share of the slots [s] that the videos shown most have together."""
    counts = np.sort(np.unique(videos, return_counts=True)[1])
    return float(counts[-_MOST_SHOWN:].sum() / len(videos))


def _none(name: str, count: int, num: int, what: str) -> Check:
    verdict = Verdict.FAIL if count else Verdict.PASS
    return Check(name, verdict, value=float(count), bound=0.0, num_samples=num, detail=what)
