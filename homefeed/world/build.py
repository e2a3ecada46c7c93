"""Sites made: the same settings, seed and end of history give the same site in every process, so live viewers need no
copy of it."""

from datetime import UTC, datetime

import numpy as np
import orjson

from homefeed.settings import Settings
from homefeed.settings.world import WorldSettings
from homefeed.world.audience import make_audience
from homefeed.world.catalogue import make_channels, make_videos
from homefeed.world.policy import choose
from homefeed.world.site import DAY_US, Site, WorldError

_NOTE = "world.json"
#: Knobs of how live viewers behave may change; those of the site may not.
_LIVE = ("num_threads", "live_rate", "live_step_s", "live_concurrency", "live_timeout_s")


def build_site(world: WorldSettings, seed: int, end: datetime) -> Site:
    """Make the site whose history ends at `end` (timezone-aware).

    Memory: about 250 bytes per viewer and 120 per video.
    """
    if end.tzinfo is None:
        raise WorldError(f"the history cannot end at {end.isoformat()}: the time needs a time zone, such as +00:00")
    channels = make_channels(world, np.random.default_rng([seed, 1]))
    videos = make_videos(world, channels, round(end.timestamp() * 1e6), np.random.default_rng([seed, 2]))
    audience = make_audience(world, channels, np.random.default_rng([seed, 3]))
    site = Site(world, seed, end.astimezone(UTC), channels, videos, audience, 0.0)
    return Site(world, seed, end.astimezone(UTC), channels, videos, audience, _base(site))


def remember_end(settings: Settings, end: datetime) -> None:
    """Note for which end the history under `settings.var` was made, so that live viewers meet the same site."""
    settings.var.mkdir(parents=True, exist_ok=True)
    (settings.var / _NOTE).write_bytes(orjson.dumps({"end": end.isoformat(), **_identity(settings)}))


def open_site(settings: Settings) -> Site:
    """The site whose history was written under `settings.var`.

    Raises:
      WorldError: there is none, or it was made with other settings.
    """
    note = settings.var / _NOTE
    if not note.exists():
        raise WorldError(f"there is no synthetic history under {settings.var}; `homefeed world` writes one")
    held = orjson.loads(note.read_bytes())
    end = datetime.fromisoformat(held.pop("end"))
    # A knob that is newer than the history had, when that was written, the effect that is now its default.
    held = WorldSettings().model_dump() | held
    changed = {k: (held.get(k), v) for k, v in _identity(settings).items() if held.get(k) != v}
    if changed:
        said = ", ".join(f"{name} was {was}, is now {now}" for name, (was, now) in changed.items())
        raise WorldError(
            f"the history under {settings.var} is of another site: {said}; restore these or use another var"
        )
    return build_site(settings.world, settings.seed, end)


def _identity(settings: Settings) -> dict[str, float]:
    return {"seed": settings.seed, **settings.world.model_dump(exclude=set(_LIVE))}


def _base(site: Site) -> float:
    """Log-odds with which `world.watched_share` of the policy's impressions are watched, found by bisection."""
    rng = np.random.default_rng([site.seed, 4])
    n = 40_000
    rate = np.cumsum(site.audience.rate, dtype=np.float64)
    viewer = np.minimum(np.searchsorted(rate, rng.random(n) * rate[-1]), len(rate) - 1)
    end_us = round(site.end.timestamp() * 1e6)
    time_us = end_us - (rng.random(n) * site.world.history_days * DAY_US).astype(np.int64)
    video = choose(site, viewer, time_us, rng).video
    slot = np.minimum(rng.exponential(site.world.slots_seen, n), 99).astype(np.int64)
    odds = site.log_odds(viewer, video, slot, time_us, site.audience.device[viewer].astype(np.int64))
    # As in the history: bots aside, only what a viewer may see, and what is late does not count.
    odds = odds[site.allowed(viewer, video) & ~site.audience.is_bot[viewer]]
    low, high = -20.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        share = float((1 / (1 + np.exp(-(middle + odds)))).mean()) * (1 - site.world.late_share)
        low, high = (middle, high) if share < site.world.watched_share else (low, middle)
    return middle
