"""The live release, as far as this version of the code can compute with it."""

from homefeed.registry import Registry, Release
from homefeed.settings import Settings


def live_release(settings: Settings, registry: Registry) -> tuple[Release | None, str]:
    """The live release; None, and why, when there is none to report on or to compare with.

    No service of this version answers with the networks of another one: its viewers get trending pages until a release
    of this version is live, so nobody is harmed by a successor, and waiting for a comparison would have no end.
    """
    from models.bundle import another_version

    live = registry.live()
    if live is None:
        return None, "no release is live"
    why = another_version(settings, live.id)
    return (None, f"the live release {live.id} is of another version of the code: {why}") if why else (live, "")
