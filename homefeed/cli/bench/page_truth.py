"""What pages of a synthetic site are worth by its truth: one row is one visit, with the candidates of its page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homefeed.settings import Settings

if TYPE_CHECKING:
    from homefeed.world.site import Site
    from serving.draft import Draft

#: Slots that topics and channels are counted in: a viewer sees 30 in the mean.
COUNTED = 30
_WINDOW_US = 600_000_000


@dataclass(frozen=True)
class Visit:
    """One page before its slots are filled.

    Attributes:
      draft: ranked candidates, not selected.
      viewer, device: indexes of the site.
      video: [n] index of each candidate.
      opens: [n] whether the viewer never watched its topic.
      is_due: [n] whether first impressions are due to it.
    """

    draft: "Draft"
    viewer: int
    device: int
    video: NDArray[np.int64]
    opens: NDArray[np.bool_]
    is_due: NDArray[np.bool_]


@dataclass(frozen=True)
class Worth:
    """What a page comes to in the mean over how far its viewer scrolls.

    Attributes:
      watches, watch_s: expected watches and seconds of them.
      opened: expected topics of which the viewer watches a video for the first time.
      due: expected impressions of uploads that first impressions are due to.
      topics, channels: how many are among the first `COUNTED` slots.
    """

    watches: float
    watch_s: float
    opened: float
    due: float
    topics: float
    channels: float


def worth(site: "Site", visit: Visit, index: NDArray[np.int64]) -> Worth:
    """The truth about a page that shows the candidates `index` [m] of a visit in this order."""
    from homefeed.world.activity import seen_share
    from homefeed.world.behaviour import completion_odds, expected_s
    from homefeed.world.vocabulary import TOPICS

    m, video = len(index), visit.video[index]
    viewer, time_us = np.full(m, visit.viewer), np.full(m, visit.draft.time_us)
    interest = site.interest(viewer, video, np.arange(m), time_us, np.full(m, visit.device)).astype(np.float64)
    seen = seen_share(site.world.slots_seen)[:m]
    chance = seen * interest
    duration_s = site.videos.duration_s[video]
    odds = completion_odds(site.liking(viewer, video, time_us), duration_s)
    topic, opens = site.videos.topic[video].astype(np.int64), visit.opens[index]
    first = np.bincount(topic[opens], chance[opens], len(TOPICS))
    return Worth(
        watches=float(chance.sum()),
        watch_s=float(chance @ expected_s(odds, duration_s)),
        opened=float((1 - np.exp(-first)).sum()),
        due=float(seen @ visit.is_due[index]),
        topics=float(len(np.unique(topic[:COUNTED]))),
        channels=float(len(np.unique(site.videos.channel[video[:COUNTED]]))),
    )


def mean_worth(site: "Site", visits: list[Visit], order: Callable[[Visit], NDArray[np.int64]]) -> Worth:
    """The mean over visits of the pages that `order` makes."""
    made = [worth(site, visit, order(visit)) for visit in visits]
    return Worth(*np.mean([list(vars(one).values()) for one in made], axis=0).tolist())


@contextmanager
def visited_site(settings: Settings, home: Path) -> "Iterator[tuple[Site, list[Visit], Any]]":
    """A small site with a first release under `home`, the visits of its next four hours, and the release's bundle."""
    import importlib
    import warnings

    # Chooses the Keras that TensorFlow brings, before another's import.
    importlib.import_module("models")
    from homefeed.cli.headless import quiet
    from homefeed.cli.simulate.start import END, make_start, simulation_settings, topics_before
    from homefeed.world.build import build_site

    own = simulation_settings(home / "var", settings.seed, viewers=1500, videos=1500, history_days=4.0, days=2)
    with warnings.catch_warnings(), quiet(home / "log"):
        warnings.simplefilter("ignore")
        release = make_start(own)
        site = build_site(own.world, own.seed, END)
        visits, bundle = _visits(own, site, release, topics_before(own))
    yield site, visits, bundle


def _visits(settings: Settings, site: "Site", release: str, before: NDArray[np.bool_]) -> "tuple[list[Visit], Any]":
    import pyarrow as pa

    from homefeed import windows
    from homefeed.world.activity import visits
    from homefeed.world.vocabulary import DEVICES
    from serving.bundle import load_bundle
    from serving.draft import Draft
    from serving.exploration_uploads import due_uploads
    from serving.filters import keep_servable
    from serving.pipeline import hydrate
    from serving.request import PageRequest
    from serving.scorer import score
    from serving.snapshot import Snapshot
    from serving.sources import gather
    from serving.viewer import open_online_store, viewer_of

    snapshot = Snapshot.read(max(settings.snapshots_path.glob("*.arrow"))).prepared()
    bundle, read = load_bundle(settings, release), open_online_store(settings)
    bundle.refresh(snapshot.table, windows.end(snapshot.window))
    video = site.videos_of(pa.chunked_array([pa.array(snapshot.keys)]))
    is_due = due_uploads(snapshot, settings.serving).is_due
    found, first = [], windows.window_of(site.end)
    for number, window in enumerate(windows.span(first, windows.shift(first, 23))):
        start = windows.start(window)
        rng = np.random.default_rng([site.seed, 12, number])
        made = visits(site, round(start.timestamp() * 1e6), _WINDOW_US, rng)
        for place in np.flatnonzero(~site.audience.is_bot[made.viewer]).tolist():
            viewer, device = int(made.viewer[place]), int(made.device[place])
            user = site.viewer_ids[viewer].as_py()
            draft = Draft(
                request_id=f"{number:03}-{place:05}",
                request=PageRequest(user=user, device=DEVICES[device]),
                time=start + timedelta(minutes=3),
                viewer=viewer_of(read(user)),
                snapshot=snapshot,
                bundle=bundle,
                settings=settings.serving,
                exploration=0.0,
            )
            for stage in (gather, hydrate, keep_servable, score):
                stage(draft)
            shown = video[draft.rows]
            opens = ~before[viewer, site.videos.topic[shown]]
            found.append(Visit(draft, viewer, device, shown, opens, is_due[draft.rows]))
    return found, bundle
