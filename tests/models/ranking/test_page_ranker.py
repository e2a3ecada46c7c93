"""The ranker for one page answers what the graph of training answers, whatever the network is made of."""

from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from homefeed.cli.bench.made_exposures import made_exposures
from homefeed.features import DENSE_FEATURES
from homefeed.settings.ranking import RankingSettings
from models.ranking.network import Ranker
from models.ranking.owners import OWNERS, PAIR_FEATURES, USER_FEATURES, owner
from models.ranking.page_parts import PageParts
from models.ranking.page_scores import PageScores
from models.ranking.preprocessing import Preprocessing
from models.ranking.saved_ranker import SavedRanker, tensors
from models.ranking.statistics import statistics_of

VIEWER = ("device", "country", "user_language", "age", "history_topics", "history_fractions")


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("user_watches_1h", "user"),
        ("hour_sin", "user"),
        ("history_size", "user"),
        ("video_impressions_7d", "video"),
        ("video_duration_s", "video"),
        ("channel_likes_24h", "channel"),
        ("topic_watch_s_10m", "topic"),
        ("video_age_h", "pair"),
        ("user_topic_affinity", "pair"),
        ("is_subscribed", "pair"),
    ],
)
def test_a_feature_is_of_what_it_depends_on(name: str, of: str) -> None:
    assert owner(name) == of


@pytest.fixture(params=["tower", "none", "feature"])
def ranker(request: pytest.FixtureRequest) -> SavedRanker:
    """A ranker whose weights are all drawn, those that begin as zeros too."""
    made = made_exposures(2000, 1).inputs
    tf.keras.utils.set_random_seed(1)
    preprocessing = Preprocessing(statistics_of(made, 100.0, 40))
    network = Ranker(preprocessing, 100.0, RankingSettings(position=request.param))
    columns = {name: column[:2] for name, column in made.columns().items()}
    network(preprocessing(tensors(columns)))
    for weight in network.trainable_variables:
        weight.assign_add(tf.random.normal(weight.shape, stddev=0.04))
    return SavedRanker(network, preprocessing, 0.25, 100.0)


def one_viewer(num: int) -> dict[str, np.ndarray]:
    """Inputs of one viewer and `num` candidates: what is of the viewer is the same in every row."""
    columns = dict(made_exposures(num, 2).inputs.columns())
    of_viewer = [place for place, of in enumerate(OWNERS) if of == "user"]
    columns["dense"] = columns["dense"].copy()
    columns["dense"][:, of_viewer] = columns["dense"][0, of_viewer]
    columns["slot"] = np.full(num, 100, np.int32)
    return columns | {name: columns[name][:1] for name in VIEWER}


def own(columns: dict[str, np.ndarray], of: str) -> np.ndarray:
    """The dense features of one owner, [d, n]."""
    return np.ascontiguousarray(columns["dense"][:, np.flatnonzero(np.array(OWNERS) == of)].T)


def parts_of(ranker: SavedRanker, columns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the ranker says of the videos, channels and topics of all candidates."""
    parts = PageParts({name: weight.numpy() for name, weight in ranker.page_weights().items()})
    num = len(columns["video"])
    videos, channels, topics = (np.empty((num, parts.widths[of]), np.float32) for of in ("video", "channel", "topic"))
    every = np.concatenate([columns["topic"][:, None], columns["side_topics"]], axis=1)
    parts.videos(own(columns, "video"), columns["video"], columns["channel"], every, columns["language"], videos)
    parts.channels(own(columns, "channel"), channels)
    parts.topics(own(columns, "topic"), columns["topic"], topics)
    return videos, channels, topics


def page_of(
    ranker: SavedRanker, columns: dict[str, np.ndarray], beside: Executor | None = None, of: slice = slice(None)
) -> np.ndarray:
    """Heads [n, 7] as a page computes them, for those candidates."""
    videos, channels, topics = parts_of(ranker, columns)
    pairs = [DENSE_FEATURES.index(name) for name in PAIR_FEATURES]
    of_user = [DENSE_FEATURES.index(name) for name in USER_FEATURES]
    viewer = {name: columns[name] for name in VIEWER if name != "user_language"}
    viewer |= {"language": columns["user_language"], "dense": columns["dense"][:1, of_user]}
    scores = PageScores({name: weight.numpy() for name, weight in ranker.page_weights().items()})
    return scores(
        videos[of],
        channels[of],
        *backwards(topics, of),
        columns["dense"][of, pairs].T,
        viewer,
        beside,
    ).T


def backwards(topics: np.ndarray, of: slice) -> tuple[np.ndarray, np.ndarray]:
    """Topics of all candidates, the last first, and the rows there of some."""
    return topics[::-1], np.arange(len(topics), dtype=np.int32)[::-1][of]


@pytest.mark.parametrize("num", [1, 300])
def test_a_page_is_scored_as_in_training(ranker: SavedRanker, num: int) -> None:
    columns = one_viewer(num)
    page, whole = page_of(ranker, columns), ranker.score(tensors(columns)).numpy()
    assert page.shape == whole.shape == (num, 7)
    assert num == 1 or whole[:, 0].std() > 0.01
    np.testing.assert_allclose(page, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("num", [1, 600, 2500])
def test_two_threads_rank_what_one_ranks(ranker: SavedRanker, num: int) -> None:
    columns = one_viewer(num)
    with ThreadPoolExecutor(1) as beside:
        np.testing.assert_allclose(page_of(ranker, columns, beside), page_of(ranker, columns), rtol=5e-5, atol=1e-6)


def test_a_feature_that_is_no_number_leaves_the_other_candidates_as_they_are(ranker: SavedRanker) -> None:
    columns, broken = one_viewer(5), one_viewer(5)
    broken["dense"][2, DENSE_FEATURES.index("video_age_h")] = np.nan
    page, whole = page_of(ranker, broken), page_of(ranker, columns)
    assert np.isnan(page[2]).all()
    others = [0, 1, 3, 4]
    np.testing.assert_array_equal(page[others], whole[others])


def test_a_page_without_candidates(ranker: SavedRanker) -> None:
    assert page_of(ranker, one_viewer(1), of=slice(0)).shape == (0, 7)


def test_candidates_that_do_not_fit_are_refused(ranker: SavedRanker) -> None:
    scores = PageScores({name: weight.numpy() for name, weight in ranker.page_weights().items()})
    part, pair = np.zeros((2, 8), np.float32), np.zeros((len(PAIR_FEATURES), 2), np.float32)
    with pytest.raises(ValueError, match="do not fit"):
        scores(part, part, part, np.zeros(2, np.int32), pair, {})
    videos, channels, topics = parts_of(ranker, one_viewer(2))
    topics, row = backwards(topics, slice(None))
    with pytest.raises(ValueError, match="do not fit"):
        scores(videos, channels, topics, row[:1], pair, {})
