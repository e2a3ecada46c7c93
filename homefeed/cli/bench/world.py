"""`homefeed bench world`: how fast the synthetic site writes history, and how much memory a large one takes."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import Progress

from homefeed.settings import Settings

MEANING = {
    "impressions_per_s": "Impressions a second, written to disk with their watches and feedback (the demo's site).",
    "impressions": "Impressions of that history.",
    "seconds": "Time to make the site and write its history.",
    "watched_share": "Mean true probability that an impression of it is watched.",
    "large_site_s": "Time to make a site of 1,000,000 viewers and 1,000,000 videos.",
    "large_site_gib": "Resident memory that the large site adds.",
    "large_impressions_per_s": "Impressions a second, with what followed, of a window of the large site.",
}
_END = datetime(2026, 11, 23, 22, tzinfo=UTC)
_LARGE = 1_000_000


def run(settings: Settings, progress: Progress) -> dict[str, float]:
    """Write the history of the settings' site into a scratch folder, then make a large site and one of its windows."""
    import psutil

    from homefeed.world.build import build_site
    from homefeed.world.history import happenings, write_history

    def show(done: int, total: int) -> None:
        progress.update(progress.task_ids[0], completed=done, total=total)

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        report = write_history(settings.model_copy(update={"var": Path(folder)}), _END, show)
        seconds = time.perf_counter() - began
    process = psutil.Process()
    before = process.memory_info().rss
    began = time.perf_counter()
    large = settings.world.model_copy(update={"num_viewers": _LARGE, "num_videos": _LARGE})
    site = build_site(large, settings.seed, _END)
    large_site_s = time.perf_counter() - began
    held = process.memory_info().rss - before
    happenings(site, "20261123T2100Z")
    began = time.perf_counter()
    _, chances = happenings(site, "20261123T2110Z")
    return {
        "impressions_per_s": report.impressions / seconds,
        "impressions": float(report.impressions),
        "seconds": seconds,
        "watched_share": report.watched_share,
        "large_site_s": large_site_s,
        "large_site_gib": held / 2**30,
        "large_impressions_per_s": len(chances) / (time.perf_counter() - began),
    }
