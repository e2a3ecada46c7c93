"""Pages that a release made in shadow, beside those that live answered for the same requests: slot by slot."""

from dataclasses import dataclass

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homefeed import ids, windows
from homefeed.settings import Settings

#: A withdrawal or dismissal counts from then on; until then it may be on its way through ingestion.
_ON_ITS_WAY_S = 2 * windows.WINDOW_S


@dataclass(frozen=True)
class ShadowPages:
    """n requests.

    Attributes:
      lengths, live_lengths: [n] slots of the page in shadow, and of live's.
      videos, live_videos: keys of every slot, page after page.
      num_withdrawn: slots in shadow with a video that was taken off the site, or that the catalogue does not know.
      num_dismissed: slots in shadow with a video that the viewer had dismissed.
    """

    lengths: NDArray[np.int64]
    live_lengths: NDArray[np.int64]
    videos: NDArray[np.int64]
    live_videos: NDArray[np.int64]
    num_withdrawn: int = 0
    num_dismissed: int = 0

    def __len__(self) -> int:
        return len(self.lengths)


def shadow_pages(settings: Settings, rows: pa.Table) -> ShadowPages:
    """The pages of rows of `homefeed.serving_log.SHADOW`; those that failed, or name no videos, are left out."""
    kept = pc.and_(pc.equal(rows["error"], ""), pc.and_(pc.is_valid(rows["videos"]), pc.is_valid(rows["live_videos"])))
    rows = rows.filter(pc.fill_null(kept, False))
    mine, theirs = (rows[name].combine_chunks() for name in ("videos", "live_videos"))
    if not rows.num_rows:
        nothing = np.zeros(0, np.int64)
        return ShadowPages(nothing, nothing, nothing, nothing)
    of_page = pc.list_parent_indices(mine)
    slots = pa.table(
        {
            "user": ids.keys(rows["user"]).take(of_page),
            "video": mine.flatten(),
            "time": rows["time"].take(of_page),
        }
    )
    withdrawn, dismissed = _shown_wrongly(settings, slots)
    return ShadowPages(
        lengths=np.asarray(mine.value_lengths(), np.int64),
        live_lengths=np.asarray(theirs.value_lengths(), np.int64),
        videos=np.asarray(mine.flatten(), np.int64),
        live_videos=np.asarray(theirs.flatten(), np.int64),
        num_withdrawn=withdrawn,
        num_dismissed=dismissed,
    )


def _shown_wrongly(settings: Settings, slots: pa.Table) -> tuple[int, int]:
    """Slots (`user`, `video`, `time`) whose video was withdrawn or is unknown, and whose video the viewer dismissed."""
    from feature_repo.catalogue import newest_videos
    from feature_repo.exposures import FEEDBACK_TARGETS
    from feature_repo.lake_tables import open_tables

    known_by = ibis.interval(seconds=_ON_ITS_WAY_S)
    with open_tables(settings) as tables:
        shown = tables.memory(slots)
        videos = newest_videos(tables.table("videos")).select("video", "withdrawn", since="time")
        with_video = shown.left_join(videos, "video")
        is_off = with_video.withdrawn.fill_null(False) & (with_video.since <= with_video["time"] - known_by)
        withdrawn = with_video.filter(is_off | with_video.since.isnull()).count()
        feedback = tables.table("feedback")
        said = feedback.filter(feedback.kind.isin(FEEDBACK_TARGETS["dismissed"]))
        said = said.group_by("user", "video").aggregate(since=said["time"].min())
        pairs = shown.join(said, ["user", "video"])
        dismissed = pairs.filter(pairs.since <= pairs["time"] - known_by).count()
        first, second = (int(tables.value(count)) for count in (withdrawn, dismissed))
        return first, second
