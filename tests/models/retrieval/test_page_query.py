"""The query vector of one viewer is the one that the graph of training answers."""

import importlib

import numpy as np
import pytest

from homefeed.settings.retrieval import RetrievalSettings
from models.codes import Codes
from models.retrieval.content import VideoPreprocessing
from models.retrieval.model import SavedTowers, TwoTower
from models.retrieval.page_query import PageQuery
from models.retrieval.vocabularies import Vocabularies
from models.vocabulary import Vocabulary

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")
VIDEOS = np.array([70, 10, 40, 20, 90])
NOON_US = 1_795_521_600_000_000


def towers(**changed: object) -> SavedTowers:
    """Saved towers whose weights are all drawn."""
    settings = RetrievalSettings(embedding_dim=8, num_heads=2, history_length=6, dropout=0.0).model_copy(update=changed)
    keys = {name: np.array([3, 5]) for name in Vocabularies.__dataclass_fields__}
    preprocessing = VideoPreprocessing(Vocabularies(**keys | {"videos": VIDEOS}))
    countries, languages = (Vocabulary(keys[name], name) for name in ("countries", "languages"))
    model = TwoTower(preprocessing, countries, languages, settings, is_exact=True)
    saved = SavedTowers(model, preprocessing, Vocabulary(VIDEOS, "catalogue"), countries, languages)
    saved.query({name: tf.constant(column) for name, column in viewer(2).items()})
    random = np.random.default_rng(1)
    for weight in [*model.query.trainable_variables, saved.contents]:
        weight.assign_add(random.normal(size=weight.shape, scale=0.3).astype(np.float32))
    return saved


def viewer(num: int, country: int = 3, age: int = 34) -> dict[str, np.ndarray]:
    """One viewer after `num` watches, an hour apart, the last of them of a video that nobody knows."""
    watched = np.array([10, 90, 40, 10, 20, 11])[-num:] if num else np.zeros(0, np.int64)
    return {
        "history_videos": watched[None],
        "history_times": (NOON_US - 3_600_000_000 * np.arange(num, 0, -1))[None],
        "history_fractions": np.linspace(0.1, 1, num, dtype=np.float32)[None],
        "time": np.array([NOON_US]),
        "country": np.array([country]),
        "language": np.array([5]),
        "age": np.array([age], np.int32),
    }


def one_of(saved: SavedTowers) -> PageQuery:
    weights = {name: weight.numpy() for name, weight in saved.query_weights().items()}
    return PageQuery(weights, saved.contents.numpy())


def many(saved: SavedTowers, columns: dict[str, np.ndarray]) -> np.ndarray:
    """What the graph answers; it reads at least one place of a history."""
    empty = {name: np.zeros((1, 1), columns[name].dtype) for name in columns if name.startswith("history")}
    padded = columns if columns["history_times"].size else columns | empty
    return saved.query({name: tf.constant(column) for name, column in padded.items()}).numpy()[0]


@pytest.mark.parametrize("changed", [{}, {"num_layers": 2}, {"side_features": False}, {"embedding_dim": 7}])
@pytest.mark.parametrize("num", [0, 1, 6])
def test_a_viewer_has_the_vector_of_training(num: int, changed: dict[str, object]) -> None:
    saved = towers(**changed)
    expected = many(saved, viewer(num))
    found = one_of(saved)(viewer(num))
    assert found.dtype == np.float32
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_profile_that_nobody_knows_counts_as_unknown() -> None:
    saved = towers()
    stranger = viewer(3, country=77, age=-1)
    np.testing.assert_allclose(one_of(saved)(stranger), many(saved, stranger), atol=1e-5)
    assert np.abs(one_of(saved)(stranger) - one_of(saved)(viewer(3))).max() > 1e-3


def test_codes_are_those_of_the_vocabulary() -> None:
    vocabulary = Vocabulary(VIDEOS, "videos")
    keys = np.array([[0, 70], [90, 71]])
    codes = Codes(*(part.numpy() for part in vocabulary.table.export()))
    assert codes(keys).tolist() == vocabulary(keys).numpy().tolist() == [[0, 2], [6, 1]]
