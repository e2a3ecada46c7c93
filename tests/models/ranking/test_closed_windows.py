"""What gates and refits read of closed windows."""

import pyarrow.compute as pc
import small_site

from homefeed.settings import Settings
from homefeed.settings.features import FeatureSettings
from models.bundle import load_bundle
from models.ranking.closed_windows import read_exposures


def test_what_bots_saw_is_left_out(release) -> None:  # type: ignore[no-untyped-def]
    """With a bound that only some viewers pass, their exposures are gone and everybody else's are there."""
    shape, last = load_bundle(release.settings, release.id).shape, small_site.LAST
    everyone, examples = read_exposures(release.settings, shape, last, last, 10**6)
    assert len(everyone) == len(examples) > 0
    shown = pc.value_counts(everyone.column("user").combine_chunks())
    counts = dict(zip(shown.field("values").to_pylist(), shown.field("counts").to_pylist(), strict=True))
    bound = _busiest(release.settings)
    strict = release.settings.model_copy(update={"features": FeatureSettings(bot_impressions_per_h=bound - 1)})
    kept, examples = read_exposures(strict, shape, last, last, 10**6)
    left_out = set(counts) - set(kept.column("user").to_pylist())
    assert 0 < len(left_out) < len(counts)
    assert len(kept) == len(examples) == len(everyone) - sum(counts[user] for user in left_out)


def _busiest(settings: Settings) -> int:
    """Impressions in the busiest hour of the busiest viewer."""
    from feature_repo.bots import bot_viewers

    windows = small_site.windows_of_site()
    every = settings.model_copy(update={"features": FeatureSettings(bot_impressions_per_h=1)})
    return max(bot_viewers(every, windows[0], windows[-1]).column("busiest_hour").to_pylist())
