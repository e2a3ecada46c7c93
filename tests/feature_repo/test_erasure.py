"""Erasure: what is known of a viewer is gone, what comes later is kept, and what comes back is found."""

from feature_repo.erasure import Remains, erase, remains
from feature_repo.online import UserStore, apply, materialize
from feature_repo.user_state import publish_user_state
from homefeed import ids
from tests.feature_repo.conftest import HandmadeSite, at, window

NOW = at("23:00")
TWELVE = window("12:00")


def test_nobody_was_erased(site: HandmadeSite) -> None:
    assert remains(site.settings) == Remains(0, {}, ())


def test_one_whom_nobody_knows_is_erased_without_an_error(site: HandmadeSite) -> None:
    assert erase(site.settings, "nobody", NOW).rows == {}
    assert remains(site.settings).num_erased == 1


def test_a_viewer_is_gone_from_lake_and_online_store_and_the_others_stay(site: HandmadeSite) -> None:
    site.video("v")
    for user in ("ann", "bob"):
        site.user(user)
        site.watch(user, "v", "12:00")
    site.commit()
    windows = [window("0:00"), TWELVE]
    publish_user_state(site.settings, windows)
    apply(site.settings)
    materialize(site.settings, windows)
    before = site.lake.read("watches", (TWELVE, TWELVE))
    assert UserStore(site.settings).read("ann")["known"]

    found = erase(site.settings, "ann", NOW)
    assert found.rows == {"watches": 1, "users": 1, "user_state": 2}
    assert found.online
    assert UserStore(site.settings).read("ann")["known"] is False
    assert UserStore(site.settings).read("bob")["known"]
    watchers = site.lake.read("watches")["user"].to_pylist()
    assert len(watchers) == 2, "what was watched stays counted"
    assert ids.key("bob") in watchers
    assert ids.key("ann") not in watchers
    assert remains(site.settings) == Remains(1, {}, ())

    site.lake.replace("watches", [TWELVE], before)
    publish_user_state(site.settings, windows)
    materialize(site.settings, windows)
    back = remains(site.settings)
    assert back.rows == {"watches": 1, "user_state": 1}
    assert back.online == (ids.key("ann"),)
    assert erase(site.settings, "ann", NOW).rows == {"watches": 1, "user_state": 1}
    assert remains(site.settings) == Remains(1, {}, ())


def test_what_comes_after_the_erasure_is_kept(site: HandmadeSite) -> None:
    erase(site.settings, "ann", NOW)
    site.user("ann", "1 1:00")
    site.commit()
    assert remains(site.settings) == Remains(1, {}, ())
