"""`homefeed bench diversity`: its two rivals and the truth of a page, by numbers that can be checked by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from homefeed.cli.bench.diverse_orders import greedy_dpp, mmr
from homefeed.cli.bench.diversity import MEANING, matched, ratios
from homefeed.cli.bench.page_truth import Visit, Worth, worth
from homefeed.settings.world import WorldSettings
from homefeed.world.activity import seen_share
from homefeed.world.build import build_site
from homefeed.world.site import Site

END = datetime(2026, 11, 23, tzinfo=UTC)
#: Videos 0 and 1 are the same, 2 and 3 are like nothing else.
VECTORS = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)


def test_no_candidates_make_no_page() -> None:
    none = np.empty((0, 3), np.float32)
    assert mmr(none[:, 0], none, 0.5, 10).tolist() == greedy_dpp(none[:, 0], none, 10).tolist() == []


def test_mmr_puts_a_copy_of_what_is_shown_last() -> None:
    relevance = np.array([1.0, 0.9, 0.5, 0.3], np.float32)
    assert mmr(relevance, VECTORS, 1.0, 4).tolist() == [0, 1, 2, 3]
    # Halved, the copy is worth 0.45 - 0.5, video 3 0.15.
    assert mmr(relevance, VECTORS, 0.5, 4).tolist() == [0, 2, 3, 1]
    # At 0.7: 0.63 - 0.3 = 0.33 for the copy, 0.35 for video 2, 0.21 for video 3.
    assert mmr(relevance, VECTORS, 0.7, 3).tolist() == [0, 2, 1]


def test_a_determinantal_process_has_no_use_for_a_copy() -> None:
    quality = np.array([1.0, 0.9, 0.5, 0.3], np.float32)
    # Likeness of strangers is 0.5, so video 2 gains 0.25 * (1 - 0.25), and the copy nothing, in spite of its quality.
    assert greedy_dpp(quality, VECTORS, 4).tolist() == [0, 2, 3, 1]
    alone = np.tile(VECTORS[:1], (4, 1))
    assert greedy_dpp(quality[::-1].copy(), alone, 3).tolist() == [3, 2, 1]


def test_the_greedy_choice_is_the_largest_determinant_at_each_step() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((12, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    quality = rng.uniform(0.5, 1.0, 12).astype(np.float32)
    kernel = np.outer(quality, quality) * (1 + vectors @ vectors.T) / 2
    chosen: list[int] = []
    for _ in range(5):
        others = [i for i in range(12) if i not in chosen]
        chosen.append(max(others, key=lambda i: np.linalg.det(kernel[np.ix_([*chosen, i], [*chosen, i])])))
    assert greedy_dpp(quality, vectors, 5).tolist() == chosen


def test_a_strength_is_found_that_leaves_what_is_wanted() -> None:
    assert matched(lambda share: 10 * share, 4.0) == pytest.approx(0.4, abs=0.002)


@dataclass
class Drafted:
    time_us: int


def visit_of(site: Site, viewer: int, video: list[int], opens: list[bool]) -> Visit:
    draft: Any = Drafted(round(END.timestamp() * 1e6))
    return Visit(draft, viewer, 0, np.array(video), np.array(opens), np.zeros(len(video), bool))


def test_a_page_is_worth_its_chances_times_who_sees_the_slot() -> None:
    site = build_site(WorldSettings(num_viewers=20, num_videos=300, bot_share=0.001), 0, END)
    viewer, videos = 3, [5, 9]
    time_us = np.full(2, round(END.timestamp() * 1e6))
    one = site.interest(np.full(2, viewer), np.array([9, 5]), np.arange(2), time_us, np.zeros(2, np.int64))
    seen = seen_share(site.world.slots_seen)
    found = worth(site, visit_of(site, viewer, videos, [False, True]), np.array([1, 0]))
    assert found.watches == pytest.approx(one[0] * seen[0] + one[1] * seen[1], rel=1e-5)
    # Video 9 stands first and is the only one that opens a topic.
    assert found.opened == pytest.approx(1 - np.exp(-one[0] * seen[0]), rel=1e-5)
    assert found.watches * 6 <= found.watch_s <= found.watches * site.videos.duration_s[videos].max()
    assert found.topics == len(set(site.videos.topic[videos].tolist()))


def test_the_mean_visit_sees_as_many_slots_as_the_settings_say() -> None:
    seen = seen_share(30.0)
    assert seen[0] == 1
    assert seen.sum() == pytest.approx(30.0, abs=0.5)


def test_ratios_are_to_the_page_that_does_not_explore() -> None:
    base, other = Worth(2.0, 100.0, 0.4, 1.0, 5, 6), Worth(1.9, 99.0, 0.5, 3.0, 5, 6)
    found = ratios("knob", [other, other], base)
    assert found == pytest.approx({"knob_watches": 0.95, "knob_watch_s": 0.99, "knob_opened": 1.25, "knob_due": 3.0})
    assert set(found) < set(MEANING)
