"""What gates and refits read of closed windows."""

from types import SimpleNamespace

import numpy as np
import pyarrow.compute as pc
import small_site

from homefeed import windows
from homefeed.settings import Settings
from homefeed.settings.features import FeatureSettings
from models.bundle import load_bundle
from models.ranking.closed_windows import read_exposures, read_spans


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


def test_spans_read_together_are_those_read_alone(site: Settings) -> None:
    """Also the missed ones that are sampled of each, and their features, which are joined at once."""
    shape, last = SimpleNamespace(history_length=100, ranker_history_length=20), small_site.LAST
    spans = [(windows.shift(last, -2), windows.shift(last, -1)), (last, last)]
    together = read_spans(site, shape, spans, 2000)
    weights = [examples.weight.max() for _, examples in together]
    assert weights[0] > 1 == weights[1]
    for span, (rows, examples) in zip(spans, together, strict=True):
        alone, expected = read_exposures(site, shape, *span, 2000)
        assert rows.equals(alone)
        assert set(rows.column("window").to_pylist()) == set(windows.span(*span))
        np.testing.assert_array_equal(examples.inputs.dense, expected.inputs.dense)
        np.testing.assert_array_equal(examples.inputs.video, expected.inputs.video)


def _busiest(settings: Settings) -> int:
    """Impressions in the busiest hour of the busiest viewer."""
    from feature_repo.bots import bot_viewers

    names = small_site.windows_of_site()
    every = settings.model_copy(update={"features": FeatureSettings(bot_impressions_per_h=1)})
    return max(bot_viewers(every, names[0], names[-1]).column("busiest_hour").to_pylist())
