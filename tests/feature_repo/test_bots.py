"""Bots are told from people by what they watch and by how much is shown to them."""

import pytest

from feature_repo.bots import bot_viewers
from feature_repo.exposures import publish_exposures
from homefeed import ids
from homefeed.settings.features import FeatureSettings
from tests.feature_repo.conftest import HandmadeSite, window


def _shown(site: HandmadeSite, user: str, seconds: list[float | None]) -> None:
    """One impression a minute from 20:00 on, watched for so many seconds."""
    for minute, watched in enumerate(seconds):
        clock = f"20:{minute:02d}"
        site.video(f"{user}-{minute}")
        site.impression(user, f"{user}-{minute}", clock)
        if watched is not None:
            site.watch(user, f"{user}-{minute}", clock, seconds=watched)


def _bots(site: HandmadeSite, **knobs: float) -> dict[int, dict]:  # type: ignore[type-arg]
    publish_exposures(site.settings, site.commit())
    settings = site.settings.model_copy(update={"features": FeatureSettings(**knobs)})
    rows = bot_viewers(settings, window("20:00"), window("20:50")).to_pylist()
    return {row["user"]: row for row in rows}


def test_without_exposures_there_are_no_bots(site: HandmadeSite) -> None:
    site.video("v")
    site.commit()
    assert len(bot_viewers(site.settings, window("20:00"), window("20:50"))) == 0


def test_five_watches_of_moments_make_a_bot_and_four_say_nothing(site: HandmadeSite) -> None:
    """A long watch among many short ones does not hide a bot; half that are long make a person."""
    _shown(site, "bot", [6, 7, 8, None, 6, 300])
    _shown(site, "hasty", [6, 7, 8, 6])
    _shown(site, "person", [6, 7, 300, 300, 300, None])
    found = _bots(site)
    assert list(found) == [ids.key("bot")]
    assert found[ids.key("bot")] == {
        "user": ids.key("bot"),
        "impressions": 6,
        "watches": 5,
        "median_watch_s": pytest.approx(7.0),
        "busiest_hour": 6,
    }


def test_more_impressions_in_an_hour_than_a_person_scrolls_make_a_bot(site: HandmadeSite) -> None:
    """Nothing was watched: four in an hour are more than three, and three are not."""
    _shown(site, "busy", [None] * 4)
    _shown(site, "calm", [None] * 3)
    assert list(_bots(site, bot_impressions_per_h=3)) == [ids.key("busy")]


def test_the_rule_of_moments_can_be_turned_off(site: HandmadeSite) -> None:
    _shown(site, "bot", [6, 7, 8, 6, 6])
    assert not _bots(site, bot_watch_s=0.0)
