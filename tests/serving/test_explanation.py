"""Why a video is on a page or is not, on the tiny site with a ranker that can be checked by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_site import NOW, WINDOW, StubBundle, table, video_id

from homefeed import ids
from homefeed.features import DENSE_FEATURES, TARGETS
from homefeed.settings import load
from models.ranking.adjustment import Adjustment
from models.ranking.attribution import SHARES, Reference
from models.ranking.calibration import IDENTITY
from models.ranking.corrections import Corrections
from models.ranking.examples import HIDDEN_SLOT, Inputs
from models.value import Value, value_parts
from serving.draft import Draft
from serving.explained import Explanation
from serving.explanation import ExplanationError, explain
from serving.pipeline import run
from serving.request import PageRequest
from serving.snapshot import Snapshot
from serving.viewer import Viewer, viewer_of

WATCHES = DENSE_FEATURES.index("video_watches_24h")
WEIGHTS = {**dict.fromkeys(TARGETS, 0.0), "watched": 1.0, "dismissed": -2.0}


class Index:
    """Holds every video with one and the same vector."""

    def take(self, keys: Any) -> Any:
        return np.full((len(keys), 4), 0.25, np.float32)


class WatchesBundle(StubBundle):
    """Watched is the video's watches of a day over 1000, dismissed is 0.01: value i is (num - i) / 1000 - 0.02."""

    index = Index()
    weights = WEIGHTS

    def __init__(self, release: str, snapshot: Any) -> None:
        super().__init__(release, snapshot)
        self.adjustment = Adjustment(dict.fromkeys(TARGETS, IDENTITY))

    def inputs(self, user: Any, columns: Any, context: Any) -> Inputs:
        num = len(columns["video"])
        dense = np.zeros((num, len(DENSE_FEATURES)), np.float32)
        dense[:, WATCHES] = columns["video_watches_24h"]
        key, one = np.asarray(columns["video"]), np.zeros(1, np.int64)
        lists = np.zeros((1, 2), np.int64)
        return Inputs(
            dense=dense, video=key, channel=key, topic=key, language=key, side_topics=np.zeros((num, 3), np.int64),
            slot=np.full(num, HIDDEN_SLOT, np.int32), device=one, country=one, user_language=one,
            age=np.array([30], np.int32), history_topics=lists, history_fractions=lists.astype(np.float32),
        )  # fmt: skip

    def uncalibrated(self, inputs: Inputs) -> Any:
        heads = np.zeros((len(inputs.video), len(TARGETS)), np.float32)
        heads[:, TARGETS.index("watched")] = inputs.dense[:, WATCHES] / 1000
        heads[:, TARGETS.index("dismissed")] = 0.01
        if "nan" in self.broken:
            heads[:, TARGETS.index("liked")] = np.nan
        return heads

    def heads(self, inputs: Inputs) -> Any:
        return dict(zip(TARGETS, self.uncalibrated(inputs).T, strict=True))

    def score(self, user: Any, candidates: Any, context: Any, beside: Any = None) -> Any:
        return self.heads(self.inputs(user, candidates, context))

    def value_parts(self, heads: Any) -> Value:
        return value_parts(heads, WEIGHTS)

    def value(self, heads: Any) -> Any:
        return self.value_parts(heads).total

    def search(self, vector: Any, k: int) -> Any:
        return self.videos[:0], np.full(k, 2.0, np.float32)


#: Watches of the snapshot's distribution: 0, 40, ..., 400; 200 is typical.
REFERENCE = Reference(np.where(np.arange(len(DENSE_FEATURES)) == WATCHES, 400 * SHARES[:, None], 0).astype(np.float32))


def page(viewer: Viewer | None = None, *, exploration: float = 0.0, num: int = 10, **changes: Any) -> Draft:
    """A page by value of 400 videos: no decay, so the ten of the most watches, unless `changes` say otherwise."""
    snapshot = Snapshot(WINDOW, table(400, **changes))
    settings = load().serving.model_copy(
        update={"channel_decay": 1.0, "topic_decay": 1.0, "num_fresh": 5, "num_trending": 50}
    )
    viewer = viewer or viewer_of({"known": True, "age": 20, "language": "en"})
    return run(
        Draft("r-1", PageRequest(user="u", num=num), NOW, viewer, snapshot, WatchesBundle("r1", snapshot.table),
              settings, exploration)
    )  # fmt: skip


def told(draft: Draft, number: int) -> Explanation:
    return explain(draft, draft.bundle, REFERENCE, video_id(number))  # type: ignore[arg-type]


def test_a_video_on_the_page_with_its_value_in_parts() -> None:
    found = told(page(), 0)
    assert (found.outcome, found.slot, found.place, found.explored) == ("in slot 0, by its value", 0, 0, False)
    assert (found.engagement, found.satisfaction) == pytest.approx((0.4, -0.02))
    assert found.value == found.score == pytest.approx(0.38)
    heads = {head.head: head for head in found.heads}
    assert (heads["watched"].part, heads["watched"].contribution) == ("engagement", pytest.approx(0.4))
    assert (heads["dismissed"].part, heads["dismissed"].contribution) == ("satisfaction", pytest.approx(-0.02))
    assert sum(head.contribution for head in found.heads) == pytest.approx(found.value)
    assert (found.changes, found.reaches, found.filters) == ([], [], [])


def test_what_viewers_made_of_it_lately_is_told_as_a_factor() -> None:
    draft = page()
    assert told(draft, 0).correction == 1
    twice = Corrections(np.array([ids.key(video_id(0))]), np.log([2.0]).astype(np.float32))
    draft.bundle.adjustment = Adjustment(dict.fromkeys(TARGETS, IDENTITY), twice)  # type: ignore[union-attr]
    assert told(draft, 0).correction == pytest.approx(2)
    assert told(draft, 1).correction == 1


def test_what_moved_it_comes_first_with_its_value_and_the_typical_one() -> None:
    first, *rest = told(page(), 0).features
    assert (first.group, first.feature, first.value, first.typical) == (
        "video's popularity", "video_watches_24h", 400, 200
    )  # fmt: skip
    # log-odds of 0.4 less those of 0.2.
    assert first.change == pytest.approx(np.log(0.4 / 0.6) - np.log(0.2 / 0.8), abs=1e-5)
    assert all(feature.change == 0 for feature in rest)


def test_others_are_worth_more_and_what_would_do() -> None:
    found = told(page(), 30)
    assert found.outcome == "not on the page: others are worth more"
    assert (found.slot, found.place) == (None, 30)
    # Video 9 has the last slot: 391 watches, worth 0.371.
    assert found.needed == pytest.approx(0.371)
    assert "0.3710 instead of 0.3500" in found.changes[0]
    assert "0.3910 instead of 0.3700" in found.changes[1]
    (reach,) = found.reaches
    assert (reach.feature, reach.value, reach.wanted) == ("video_watches_24h", 370, 400)


def test_diversity_raises_what_is_needed() -> None:
    """Videos 0, 20, 40 are of one channel: the third of it keeps 0.25 of its lead."""
    draft = page()
    draft.settings = draft.settings.model_copy(update={"channel_decay": 0.5, "diversity_floor": 0.0})
    run(draft)
    found = told(draft, 40)
    lowest, value = float(draft.score.min()), 0.34
    assert found.score == pytest.approx(lowest + (value - lowest) / 4, abs=1e-5)
    by_value = draft.slate.score.min()  # type: ignore[union-attr]
    assert found.needed == pytest.approx(lowest + (by_value - lowest) * 4, abs=1e-4)
    assert "keeps 25% of its lead" in found.changes[0]


def test_a_new_topic_counts_in_what_is_needed_and_what_would_do() -> None:
    """At 0.001 of 1000 a new topic adds the root of the probability of a watch; topic 1 is known."""
    viewer = viewer_of({"known": True, "age": 20, "language": "en", "history_videos": [ids.key(video_id(1))],
                        "history_times": [0]})  # fmt: skip
    draft = page(viewer, exploration=0.001)
    draft.settings = draft.settings.model_copy(update={"discovery_value": 1000.0, "diversity_floor": 1.0})
    run(draft)
    found = told(draft, 30)
    assert (found.value, found.discovery) == pytest.approx((0.35, 0.60828), abs=1e-5)
    # Of 0, 2, 3, 4, 5, 7, 8, 9, 10 and 12, video 12 has the last slot: 0.388 - 0.02 + sqrt(0.388).
    assert found.needed == pytest.approx(0.99090, abs=1e-5)
    assert "0.9909 instead of 0.9583" in found.changes[0]
    assert "0.3880 instead of 0.3700" in found.changes[1]
    assert [(reach.feature, reach.wanted) for reach in found.reaches] == [("video_watches_24h", 400)]
    assert told(draft, 6).discovery == 0


def test_a_watched_video_is_removed_and_says_by_what() -> None:
    viewer = viewer_of({"known": True, "age": 20, "watched_videos": [ids.key(video_id(0))]})
    found = told(page(viewer, min_age={0: 40}), 0)
    assert found.filters == ["watched", "age"]
    assert found.outcome == "not on the page: removed by watched, age"
    assert found.changes == [
        "the filter `watched` would have to let it through: Videos that the viewer watched.",
        "the filter `age` would have to let it through: Videos for viewers older than this one; an unknown age is "
        "`serving.unknown_age`.",
    ]
    assert {s.source: s.place for s in found.sources}["trending"] == 0


def test_a_video_that_no_source_proposed() -> None:
    found = told(page(), 300)
    assert found.outcome == "not on the page: no source proposed it"
    assert (found.score, found.place) == (None, None)
    assert all(source.place is None for source in found.sources)
    assert "its score in the index is 1.000, the last of the 1000 that two_tower proposed has 2.000" in found.changes[0]


def test_a_slot_of_exploration_is_told_as_such() -> None:
    draft = page(exploration=1.0)
    assert draft.slate is not None
    shown = draft.rows[draft.slate.index[0]]
    number = int(draft.snapshot.table.column("video_id")[int(shown)].as_py().removeprefix("video-"))
    found = told(draft, number)
    assert found.explored
    assert found.outcome == "in slot 0, drawn by exploration"


def test_what_exploration_could_have_shown() -> None:
    # Video 20 is 20 hours old, so fresh; with no draw at all it stays in the pool.
    assert "exploration could have shown it" in told(page(), 20).changes[-1]


def test_all_equal_values_are_explained() -> None:
    draft = page(video_watches_24h=dict.fromkeys(range(400), 100.0))
    slots = [told(draft, number).slot for number in range(12)]
    assert sorted(slot for slot in slots if slot is not None)[0] == 0
    assert all(told(draft, number).reaches == [] for number in range(12))


def test_an_unknown_video_says_what_to_do() -> None:
    with pytest.raises(ExplanationError, match="has no video 'no-such'.*check the id"):
        explain(page(), page().bundle, REFERENCE, "no-such")  # type: ignore[arg-type]
    with pytest.raises(ExplanationError, match="not the id of a video"):
        explain(page(), page().bundle, REFERENCE, "")  # type: ignore[arg-type]


def test_a_head_that_is_no_number_is_named() -> None:
    draft = page()
    bundle = WatchesBundle("r1", draft.snapshot.table)
    bundle.broken.add("nan")
    with pytest.raises(ExplanationError, match="no number for 'video-0001' in: liked"):
        explain(replace(draft, bundle=bundle), bundle, REFERENCE, video_id(1))  # type: ignore[arg-type]
