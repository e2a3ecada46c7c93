"""The truth of the synthetic site: the same every time, with the signals that a model should find."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from homefeed import ids
from homefeed.schema import TIME
from homefeed.settings.world import WorldSettings
from homefeed.world.build import build_site
from homefeed.world.policy import choose
from homefeed.world.site import DAY_US, HOUR_US, Site, WorldError, viral_intensity
from homefeed.world.vocabulary import LANGUAGES, TOPICS

END = datetime(2026, 11, 23, 22, tzinfo=UTC)
END_US = round(END.timestamp() * 1e6)
WORLD = WorldSettings(num_viewers=400, num_videos=1000)


@pytest.fixture(scope="module")
def site() -> Site:
    return build_site(WORLD, 1, END)


def _pairs(site: Site, n: int = 20_000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    viewer = rng.integers(len(site.audience), size=n)
    video = rng.integers(WORLD.num_videos, size=n)
    return viewer, video, np.zeros(n, np.int64), np.full(n, END_US), np.zeros(n, np.int64)


def test_smallest_site_is_made() -> None:
    tiny = build_site(WorldSettings(num_viewers=1, num_videos=1, live_days=0), 1, END)
    zero = np.zeros(1, np.int64)
    assert 0 <= tiny.true_probability(zero, zero, zero, zero + END_US, zero)[0] <= 1


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(WorldError, match="time zone"):
        build_site(WORLD, 1, datetime(2026, 11, 23))


def test_same_seed_same_truth_other_seed_another(site: Site) -> None:
    pairs = _pairs(site)
    again, other = build_site(WORLD, 1, END), build_site(WORLD, 2, END)
    assert np.array_equal(site.true_probability(*pairs), again.true_probability(*pairs))
    assert not np.array_equal(site.true_probability(*pairs), other.true_probability(*pairs))
    assert site.channel_ids.equals(again.channel_ids)


def test_num_videos_are_uploaded_by_the_end_and_more_are_prepared(site: Site) -> None:
    uploaded = site.videos.uploaded_us
    assert (np.diff(uploaded) >= 0).all()
    assert (uploaded[:1000] < END_US).all()
    assert (uploaded[1000:] >= END_US).all()
    # 1000 videos, 0.04 of them a day, prepared for 7 days.
    assert len(site.videos) == 1000 + 280
    last_day = ((uploaded >= END_US - DAY_US) & (uploaded < END_US)).sum()
    assert 20 < last_day < 60


def test_lower_slots_are_watched_less(site: Site) -> None:
    viewer, video, slot, time_us, device = _pairs(site)
    human = ~site.audience.is_bot[viewer] & site.allowed(viewer, video)
    top = site.true_probability(viewer, video, slot, time_us, device)[human]
    deep = site.true_probability(viewer, video, slot + 99, time_us, device)[human]
    assert (deep < top).all()


def test_tastes_languages_and_subscriptions_decide(site: Site) -> None:
    viewer, video, *rest = _pairs(site)
    chance = site.true_probability(viewer, video, *rest)
    favourite = site.audience.taste.argmax(1)[viewer] == site.videos.topic[video]
    own = site.audience.language[viewer] == site.videos.language[video]
    assert chance[own & favourite].mean() > 4 * chance[own & ~favourite].mean()
    assert chance[own].mean() > 3 * chance[~own].mean()
    channel = site.videos.channel[video][:, None]
    follows = (site.audience.subscriptions[viewer] == channel).any(1)
    assert chance[follows].mean() > chance[own & ~follows].mean()


def test_a_drifting_taste_moves_to_another_topic_in_half_a_period(site: Site) -> None:
    a = site.audience
    viewer = int(np.flatnonzero((a.drift > 0) & (a.drift_from != a.drift_to))[0])
    video = np.flatnonzero(site.videos.topic == a.drift_to[viewer])[:1]
    # The phase is a share of the period: at time 0 the taste has not moved, half a period later it has.
    begin = END_US - round(float(a.drift_phase[viewer]) * WORLD.drift_days * DAY_US)
    before, after = (
        float(site.affinity(np.array([viewer]), video, np.array([time_us]))[0])
        for time_us in (begin, begin + round(WORLD.drift_days / 2 * DAY_US))
    )
    assert after - before == pytest.approx(2.0, abs=1e-3)


def test_without_taste_all_viewers_of_a_language_want_the_same() -> None:
    alike = build_site(WORLD.model_copy(update={"taste": 0.0}), 1, END)
    viewer = np.flatnonzero(alike.audience.language == LANGUAGES.index("en"))[:50]
    assert np.ptp(alike.affinity(viewer, np.zeros(50, np.int64), np.full(50, END_US))) == 0


def test_viral_lasts_half_a_day() -> None:
    start = np.full(4, 1_000 * HOUR_US)
    hours = np.array([-1, 1, 2, 60])
    assert viral_intensity(start, start + hours * HOUR_US).tolist() == [0.0, 0.5, 1.0, 0.0]
    assert viral_intensity(np.zeros(1, np.int64), start[:1]).tolist() == [0.0]


def test_what_a_viewer_may_not_see_is_never_watched(site: Site) -> None:
    viewer, video, *rest = _pairs(site)
    forbidden = ~site.allowed(viewer, video)
    assert forbidden.any()
    assert (site.true_probability(viewer, video, *rest)[forbidden] == 0).all()
    child = np.flatnonzero(site.audience.age < 18)[0]
    adult_only = np.flatnonzero(site.videos.min_age == 18)[0]
    assert not site.allowed(np.array([child]), np.array([adult_only]))[0]


def test_truth_by_keys_is_truth_by_indexes(site: Site) -> None:
    viewer, video, slot, time_us, device = (column[:20] for column in _pairs(site))
    exposures = pa.table(
        {
            "user": pa.array([ids.key(f"viewer-{i:06d}") for i in viewer]),
            "video": pa.array([ids.key(f"video-{i:07d}") for i in video]),
            "slot": pa.array(slot.astype(np.int16)),
            "time": pa.array(time_us).cast(TIME),
            "device": ["phone"] * 20,
        }
    )
    expected = site.true_probability(viewer, video, slot, time_us, device)
    assert np.array_equal(site.true_probability_of(exposures), expected)
    with pytest.raises(WorldError, match="viewers of another site"):
        site.true_probability_of(exposures.set_column(0, "user", pa.array([7] * 20)))


def test_propensities_are_the_rates_of_the_draws(site: Site) -> None:
    n = 200_000
    viewer = np.full(n, int(np.flatnonzero((site.audience.subscriptions >= 0).any(1))[0]))
    drawn = choose(site, viewer, np.full(n, END_US), np.random.default_rng(0))
    assert (site.videos.uploaded_us[drawn.video] <= END_US).all()
    counts = np.bincount(drawn.video, minlength=len(site.videos)) / n
    said = np.zeros(len(site.videos))
    said[drawn.video] = drawn.propensity
    assert said.sum() == pytest.approx(1.0, abs=0.02)
    often = counts > 0.002
    assert often.sum() > 20
    assert np.abs(counts[often] / said[often] - 1).mean() < 0.05


def test_titles_and_channels_read_like_titles_and_channels(site: Site) -> None:
    from homefeed.world.event_rows import video_rows

    rows = video_rows(site, np.arange(200), np.full(200, END_US)).to_pylist()
    assert len({row["title"] for row in rows}) > 180
    topics = {t.name: t for t in TOPICS}
    for row in rows:
        assert any(s in row["title"] for s in topics[row["topics"][0]].subjects)
    assert len(set(site.channel_ids.to_pylist())) == len(site.channels)
