from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tiny_site import NOW, WINDOW, StubBundle, table, video_id

from homefeed import ids
from homefeed.settings.serving import ServingSettings
from serving.draft import Draft
from serving.exploration import discovery, explorable, has_new_topic, slot_chances, weights
from serving.exploration_uploads import due_uploads
from serving.pipeline import run
from serving.request import PageRequest
from serving.selector import rank
from serving.snapshot import Snapshot
from serving.viewer import viewer_of

#: No exponent, no novelty and no guarantee, so that a test turns on what it is about.
PLAIN = {"exploration_sharpness": 1.0, "new_topic_weight": 1.0, "guaranteed_share": 0.0}


def draft_of(snapshot, viewer=None, exploration=0.1, request_id="r-1", bundle=None, **serving):
    """A draft whose candidates are all videos of the snapshot, by number; `chance` gives each its probability."""
    made = Snapshot(WINDOW, snapshot)
    request = PageRequest(user="viewer-1", num=serving.pop("num", 100))
    settings = ServingSettings(**serving)
    viewer = {"known": True, **(viewer or {})}
    # Watched a week ago, when nothing is said: what is not on trial any more.
    viewer.setdefault("history_times", [_us(NOW - timedelta(days=7))] * len(viewer.get("history_videos", [])))
    viewer = viewer_of(viewer)
    draft = Draft(request_id, request, NOW, viewer, made, bundle, settings, exploration)
    draft.rows = made.rows_of(np.array([ids.key(video_id(n)) for n in range(len(made))]))
    draft.columns = made.take(draft.rows)
    return draft


def _us(time):
    return round(time.timestamp() * 1e6)


def score(draft, chance, value=None):
    draft.heads = {"watched": np.asarray(chance, np.float32)}
    draft.score = np.asarray(chance if value is None else value, np.float32)


def keys(*numbers):
    return [ids.key(video_id(n)) for n in numbers]


def test_an_empty_pool_has_no_weights():
    draft = draft_of(table(3))
    score(draft, [0.1, 0.2, 0.3])
    assert weights(draft, np.empty(0, np.int64), has_new_topic(draft)).tolist() == []


def test_the_weight_is_an_upper_bound_by_hand():
    # p = 0.5, m = 8: without impressions the deviation is 0.5 / 3, with 16 of them 0.5 / 5.
    draft = draft_of(
        table(2, video_impressions_7d={0: 0.0, 1: 16.0}), **PLAIN, prior_impressions=8.0, exploration_bound=1.0
    )
    score(draft, [0.5, 0.5])
    weight = weights(draft, np.array([0, 1]), has_new_topic(draft))
    assert weight[1] / weight[0] == pytest.approx((0.5 + 0.5 / 5) / (0.5 + 0.5 / 3))


def test_sharpness_is_a_power_and_no_weight_vanishes():
    draft = draft_of(table(3), **PLAIN | {"exploration_sharpness": 2.0}, exploration_bound=0.0)
    score(draft, [0.4, 0.2, 0.2], value=[0.4, 0.2, -3.0])
    assert weights(draft, np.arange(3), has_new_topic(draft)).tolist() == pytest.approx([1, 0.25, 0.001])


def test_without_a_ranker_every_video_weighs_alike():
    draft = draft_of(table(3), **PLAIN)
    assert weights(draft, np.arange(3), has_new_topic(draft)).tolist() == [1, 1, 1]


def test_when_all_values_are_negative_every_video_weighs_alike():
    draft = draft_of(table(2), **PLAIN)
    score(draft, [0.1, 0.1], value=[-1.0, -2.0])
    assert weights(draft, np.arange(2), has_new_topic(draft)).tolist() == [1, 1]


def test_the_knob_adds_the_worth_of_opening_a_topic_to_the_value():
    # Exploration 0.1 of a discovery of 20 is 2, times the root of each probability.
    draft = draft_of(table(20), {"history_videos": keys(0)}, 0.1, discovery_value=20.0)
    score(draft, [0.04, 0.04, 0.09, 0.01, 0.0, 0.04, *[0.1] * 14])
    has_new = has_new_topic(draft)
    assert discovery(draft, has_new, draft.heads["watched"])[:6] == pytest.approx([0, 0.4, 0.6, 0.2, 0, 0])
    draft.exploration = 0.0
    assert not discovery(draft, has_new, draft.heads["watched"]).any()


def test_to_a_viewer_who_watched_nothing_no_topic_is_worth_more_than_another():
    follows = {"subscribed_channels": [ids.key("channel-01")]}
    for viewer in ({}, follows):
        draft = draft_of(table(20), viewer, 0.1, discovery_value=20.0)
        score(draft, np.full(20, 0.04))
        assert not discovery(draft, has_new_topic(draft), draft.heads["watched"]).any()


def test_a_video_that_may_open_a_topic_passes_one_that_is_worth_little_more():
    # Topics of videos 0 to 4 are 0 to 4, of which 0 is known; 5 is of topic 0 again.
    def order(exploration, **serving):
        draft = draft_of(table(6), {"history_videos": keys(0)}, exploration, discovery_value=10.0, **serving)
        draft.rows = draft.rows[[0, 1, 5]]
        draft.columns = draft.snapshot.take(draft.rows)
        score(draft, [0.30, 0.20, 0.25])
        return rank(draft).best.tolist()

    alike = {"channel_decay": 1.0, "topic_decay": 1.0}
    assert order(0.0, **alike) == [0, 2, 1]
    assert order(0.02, **alike) == [0, 1, 2]  # 0.2 + 0.2 * sqrt(0.2) = 0.289
    assert order(0.04, **alike) == [1, 0, 2]  # 0.2 + 0.4 * sqrt(0.2) = 0.379


def test_without_a_ranker_no_topic_is_worth_more():
    draft = draft_of(table(6), {"history_videos": keys(0)}, 1.0, channel_decay=1.0, topic_decay=1.0)
    draft.score = np.linspace(0.6, 0.1, 6, dtype=np.float32)
    assert rank(draft).best.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("exploration", [0.0, 0.02, 0.1, 0.75, 0.9, 1.0])
@pytest.mark.parametrize(("num", "spared_share"), [(100, 0.2), (100, 0.0), (20, 0.2), (3, 0.2), (1, 0.9), (0, 0.2)])
def test_the_slots_explore_by_the_knob_on_the_mean(exploration, num, spared_share):
    chances = slot_chances(exploration, num, ServingSettings(spared_share=spared_share))
    assert len(chances) == num
    assert ((chances >= 0) & (chances <= 1)).all()
    if num:
        assert chances.mean() == pytest.approx(exploration)


def test_the_top_of_a_page_explores_a_tenth_as_often_and_what_the_rest_cannot():
    fifth = ServingSettings(spared_share=0.2, spared_chance=0.1)
    assert slot_chances(0.41, 10, fifth) == pytest.approx([0.05, 0.05, *[0.5] * 8])  # 2 * 0.05 + 8 * 0.5 = 4.1
    assert slot_chances(0.9, 10, fifth) == pytest.approx([0.5, 0.5, *[1] * 8])
    assert slot_chances(0.4, 4, fifth) == pytest.approx([0.4] * 4)  # a fifth of four slots is none
    never = ServingSettings(spared_share=0.2, spared_chance=0.0)
    assert slot_chances(0.4, 10, never) == pytest.approx([0, 0, *[0.5] * 8])


def test_a_topic_is_new_that_was_neither_watched_nor_followed():
    # Video n is of topic n % 5 and of channel n % 20; channel 1 is of topic 1.
    viewer = {"history_videos": keys(0), "subscribed_channels": [ids.key("channel-01")]}
    draft = draft_of(table(20), viewer)
    assert has_new_topic(draft)[:5].tolist() == [False, False, True, True, True]
    nobody = draft_of(table(20))
    assert has_new_topic(nobody).all()


def test_a_topic_watched_once_stays_new_until_it_is_watched_again_or_the_trial_is_over():
    hour = [_us(NOW - timedelta(hours=h)) for h in range(3)]
    # Topics 0 and 1 were watched lately, 0 twice (videos 0 and 5).
    lately = {"history_videos": keys(0, 1, 5), "history_times": hour}
    assert has_new_topic(draft_of(table(5), lately)).tolist() == [True] * 5, "video 5 is not in this catalogue"
    assert has_new_topic(draft_of(table(10), lately))[:5].tolist() == [False, True, True, True, True]
    over = draft_of(table(10), lately, topic_trial_h=0.5)
    assert has_new_topic(over)[:5].tolist() == [False, False, True, True, True]


def test_a_new_topic_weighs_more():
    draft = draft_of(table(20), {"history_videos": keys(0)}, **PLAIN | {"new_topic_weight": 3.0})
    score(draft, np.full(20, 0.1))
    weight = weights(draft, np.arange(2), has_new_topic(draft))
    assert weight[1] / weight[0] == pytest.approx(3)


def test_the_pool_holds_what_is_fresh_new_or_of_a_new_topic():
    # Videos 0 to 23 are fresh; 30 has few impressions; 31 is of topic 1, which is new.
    draft = draft_of(table(40, video_impressions_7d={30: 99.0}), {"history_videos": keys(0, 2, 3, 4)})
    explored = np.flatnonzero(explorable(draft, has_new_topic(draft)))
    assert explored.tolist() == [*range(24), 26, 30, 31, 36]


def due(snapshot, **serving):
    made = Snapshot(WINDOW, snapshot)
    found = due_uploads(made, ServingSettings(**serving))
    numbers = {ids.key(video_id(n)): n for n in range(len(made))}
    return made, found, sorted(numbers[key] for key in made.keys[found.is_due])


def test_uploads_are_due_while_fresh_and_seen_by_few():
    # The window ended five minutes ago: 24, of a day and a minute ago, was fresh then, 25 was not.
    _, _, found = due(table(60, video_impressions_7d=dict.fromkeys((0, 5, 24, 25, 40), 99.0)))
    assert found == [0, 5, 24]


def test_of_a_channels_day_only_the_first_uploads_are_due():
    day = datetime(2026, 11, 23, tzinfo=UTC)
    uploads = {n: day + timedelta(hours=n) for n in range(8)}
    changes = {"video_impressions_7d": dict.fromkeys(range(8), 0.0), "uploaded": uploads}
    spam = dict.fromkeys(range(8), ids.key("spam"))
    assert due(table(30, **changes, channel=spam), guaranteed_per_channel=3)[2] == [0, 1, 2]
    # One that had its impressions does not make room for the next, or a channel could go on for ever.
    changes["video_impressions_7d"] = {0: 500.0} | dict.fromkeys(range(1, 8), 0.0)
    assert due(table(30, **changes, channel=spam), guaranteed_per_channel=3)[2] == [1, 2]
    assert due(table(30, **changes, channel=spam), guaranteed_per_channel=0)[2] == []
    # The day before is another day.
    changes["uploaded"] |= {6: day - timedelta(minutes=20), 7: day - timedelta(minutes=10)}
    assert due(table(30, **changes, channel=spam), guaranteed_per_channel=3)[2] == [1, 2, 6, 7]


def test_a_catalogue_without_uploads_has_none_due():
    old = {n: NOW - timedelta(days=3) for n in range(5)}
    made, found, numbers = due(table(5, uploaded=old))
    assert numbers == []
    assert len(found.some("en", 10, np.random.default_rng(0))) == 0
    assert due_uploads(made, ServingSettings()) is found  # once per snapshot


def test_among_guaranteed_uploads_twice_the_bound_is_twice_the_weight_and_not_more():
    sharp = {"exploration_sharpness": 3.0, "exploration_bound": 0.0, "new_topic_weight": 1.0}
    draft = draft_of(table(40, video_impressions_7d=dict.fromkeys((0, 1), 0.0)), **sharp, guaranteed_share=0.6)
    score(draft, [0.4, 0.2, 0.4, 0.2, *[0.1] * 36])
    weight = weights(draft, np.arange(4), has_new_topic(draft))
    assert weight.tolist() == pytest.approx([0.4, 0.2, 0.4 * 8 / 9, 0.4 / 9])


def test_guaranteed_uploads_have_their_share_of_the_weight():
    few = dict.fromkeys((0, 1), 0.0)
    draft = draft_of(table(40, video_impressions_7d=few), **PLAIN | {"guaranteed_share": 0.6})
    score(draft, np.linspace(0.1, 0.2, 40))
    weight = weights(draft, np.arange(40), has_new_topic(draft))
    assert weight[:2].sum() == pytest.approx(0.6)
    assert weight.sum() == pytest.approx(1)


def test_a_channel_that_floods_the_site_gets_no_more_than_its_cap():
    """A thousand uploads of one channel beside one of another: three of them are due, on every page."""
    num = 1001
    changes = {
        "uploaded": {n: NOW - timedelta(minutes=1 + n / 2) for n in range(num)},
        "video_impressions_7d": dict.fromkeys(range(num), 0.0),
        "channel": dict.fromkeys(range(1000), ids.key("spam")),
    }
    _, _, numbers = due(table(num, **changes))
    assert numbers == [997, 998, 999, 1000]
    draft = draft_of(table(num, **changes), **PLAIN | {"guaranteed_share": 0.5})
    score(draft, np.full(num, 0.1))
    weight = weights(draft, np.arange(num), has_new_topic(draft))
    assert weight[1000] == pytest.approx(0.5 / 4)  # instead of one in 1001
    assert weight[:997].sum() == pytest.approx(0.5)


def test_exploration_never_shows_what_was_dismissed_watched_or_blocked():
    """Everything that tempts exploration most is what the viewer must not see."""
    tempting = range(24)
    snapshot = table(120, video_impressions_7d=dict.fromkeys(tempting, 0.0))
    viewer = {
        "watched_videos": keys(*range(0, 24, 4)),
        "dismissed_videos": keys(*range(1, 24, 4)),
        "blocked_channels": [ids.key(f"channel-{n % 20:02}") for n in range(2, 24, 4)],
    }
    forbidden = {*keys(*range(0, 24, 4)), *keys(*range(1, 24, 4))}
    blocked = set(viewer["blocked_channels"])
    num_explored = 0
    for number in range(50):
        bundle = StubBundle("r1", snapshot)
        draft = run(draft_of(snapshot, viewer, 1.0, f"r-{number}", bundle, num=20))
        shown = draft.rows[draft.slate.index]
        assert not forbidden & set(draft.snapshot.keys[shown].tolist())
        assert not blocked & set(draft.columns["channel"][draft.slate.index].tolist())
        num_explored += int(draft.slate.explored.sum())
    assert num_explored > 0


def test_a_page_is_made_again_from_its_request_id():
    snapshot = table(400, video_impressions_7d=dict.fromkeys(range(300), 0.0))
    pages = []
    for request_id in ("r-1", "r-1", "r-2"):
        bundle = StubBundle("r1", snapshot)
        draft = run(draft_of(snapshot, {}, 0.5, request_id, bundle, num_candidates=50, num_fresh=10, num=50))
        pages.append((draft.rows[draft.slate.index].tolist(), draft.slate.propensity.tolist()))
    assert pages[0] == pages[1]
    assert pages[0] != pages[2]


def test_the_pool_is_drawn_by_its_weights_on_a_page():
    snapshot = table(400, video_impressions_7d=dict.fromkeys(range(300), 0.0))
    draft = run(
        draft_of(snapshot, {}, 0.5, "r-1", StubBundle("r1", snapshot), num=50, explored_below=20, spared_share=0.0)
    )
    ranked, slate = rank(draft), draft.slate
    weight = dict(zip(ranked.pool.tolist(), ranked.weight.tolist(), strict=True))
    best, left = ranked.best.tolist(), sum(weight.values())
    assert not set(best[:20]) & set(weight)
    assert set(best[20:]) & set(weight)
    for video, propensity in zip(slate.index.tolist(), slate.propensity.tolist(), strict=True):
        by_value = 0.5 if video == best[0] else 0.0
        own = weight.get(video, 0.0)
        assert propensity == pytest.approx(by_value + 0.5 * own / left, rel=1e-4)
        best = [other for other in best if other != video]
        left -= own


def test_due_uploads_of_the_viewers_language_are_proposed_first():
    few = dict.fromkeys(range(20), 0.0)
    snapshot = table(200, video_impressions_7d=few, language=dict.fromkeys((3, 4, 5), "pt"))
    draft = draft_of(snapshot, {"language": "pt"}, num_fresh=4)
    from serving.sources import fresh

    rows, _ = fresh(draft)
    assert len(rows) == len(set(rows.tolist())) == 4
    assert set(draft.snapshot.columns["language"][rows[:2]]) == {"pt"}
