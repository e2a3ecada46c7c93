"""The vector of a video is the one that the graph of training answers, and words have codes that never change."""

import importlib

import numpy as np
import pytest

from homefeed import ids
from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.content import VideoPreprocessing, encode
from models.retrieval.model import SavedTowers, TwoTower
from models.retrieval.page_candidates import PageCandidates
from models.retrieval.titles import MAX_TITLE_TOKENS, TITLE_BUCKETS, title_codes, title_collision_rate
from models.retrieval.vocabularies import Vocabularies
from models.video_table import VideoTable
from models.vocabulary import Vocabulary

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")
KNOWN = np.array([70, 10, 40])
TABLE = VideoTable(
    # One without any topic, title or language, and two that no training has seen.
    keys=np.array([10, 40, 41, 70, 99]),
    channels=np.array([3, 5, 3, 8, 5]),
    topics=np.array([[3, 0, 0, 0], [5, 3, 0, 0], [3, 8, 5, 3], [0, 0, 0, 0], [5, 0, 0, 0]]),
    languages=np.array([3, 5, 77, 0, 3]),
    uploaded=np.zeros(5, np.int64),
    duration_s=np.array([30, 400, 0, 7200, 61.5], np.float32),
    titles=np.array(["Night train", "", "NIGHT, night!", "...", "Über den Fluß"], object),
)
#: The second was not watched in seven days: its id is hidden.
DYNAMIC = np.array([[0.2, 0.1, 0.5, 0.9], [0.8, 0, 0, 0], [0.1, 0, 0, 0.2], [1, 2, 3, 4], [0, 0, 0, 0]], np.float32)


def towers(**changed: object) -> SavedTowers:
    """Saved towers whose weights are all drawn."""
    settings = RetrievalSettings(embedding_dim=8, num_heads=2, history_length=6).model_copy(update=changed)
    keys = {name: np.array([3, 5]) for name in Vocabularies.__dataclass_fields__}
    preprocessing = VideoPreprocessing(Vocabularies(**keys | {"videos": KNOWN}))
    countries, languages = (Vocabulary(keys[name], name) for name in ("countries", "languages"))
    model = TwoTower(preprocessing, countries, languages, settings, is_exact=True)
    saved = SavedTowers(model, preprocessing, Vocabulary(KNOWN, "catalogue"), countries, languages)
    model.candidate(model.content(encode(preprocessing, TABLE)), tf.constant(DYNAMIC))
    random = np.random.default_rng(1)
    for weight in [*model.content.trainable_variables, *model.candidate.trainable_variables]:
        weight.assign_add(random.normal(size=weight.shape, scale=0.3).astype(np.float32))
    return saved


def graph(saved: SavedTowers) -> np.ndarray:
    names = {"video": TABLE.keys, "channel": TABLE.channels, "language": TABLE.languages, "topics": TABLE.topics}
    columns = {name: tf.constant(column) for name, column in names.items()}
    columns |= {"title": tf.constant(title_codes(TABLE.titles)), "duration_s": tf.constant(TABLE.duration_s)}
    return saved.candidate(columns | {"dynamic": tf.constant(DYNAMIC)}).numpy()


def page(saved: SavedTowers) -> PageCandidates:
    weights = {name: weight.numpy() for name, weight in saved.candidate_weights().items()}
    table = weights.pop("ids")
    table.flags.writeable = False  # as where it is mapped from a file
    return PageCandidates(weights, table)


@pytest.mark.parametrize("changed", [{}, {"side_features": False}, {"embedding_dim": 7}])
def test_a_video_has_the_vector_of_training(changed: dict[str, object]) -> None:
    saved = towers(**changed)
    found, expected = page(saved)(TABLE, DYNAMIC), graph(saved)
    assert found.dtype == np.float32
    assert np.abs(expected).max(axis=1).min() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_training_reads_titles_as_new_videos_are_read() -> None:
    saved = towers()
    np.testing.assert_array_equal(encode(saved.preprocessing, TABLE)["title"].numpy(), title_codes(TABLE.titles))


def test_no_videos_have_no_vectors() -> None:
    none = VideoTable(*(getattr(TABLE, name)[:0] for name in VideoTable.__dataclass_fields__))
    assert page(towers())(none, DYNAMIC[:0]).shape == (0, 9)


def test_words_have_codes_by_their_letters_alone() -> None:
    codes = title_codes(TABLE.titles)
    assert codes.shape == (5, MAX_TITLE_TOKENS)
    # By the lower 64 bits of MD5 without the last one: what the id of a video is hashed by, too.
    night, train = (1 + ids.key(word) % (TITLE_BUCKETS - 1) for word in ("night", "train"))
    assert codes[0, :3].tolist() == [night, train, 0]
    assert codes[2, :3].tolist() == [night, night, 0]
    assert not codes[[1, 3]].any()
    assert (codes[4, :4] > 0).tolist() == [True, True, True, False]
    assert codes[4, 0] == 1 + ids.key("über") % (TITLE_BUCKETS - 1)


def test_a_long_title_is_read_from_its_beginning_and_a_long_word_whole() -> None:
    long, longer = "a" * 100, "a" * 101
    codes = title_codes(np.array([" ".join([long] * 20), longer], object))
    assert (codes[0] == codes[0, 0]).all()
    assert codes[1, 0] != codes[0, 0]


def test_words_that_share_a_code_are_counted() -> None:
    assert title_collision_rate(np.array([], object)) == 0.0
    assert title_collision_rate(np.array(["", "night night", "train"], object)) == 0.0
    # 8,191 codes, 20,000 words: of a word e**(-20,000 / 8,191) = 0.087 shares its code with none.
    many = np.array([f"w{number}" for number in range(20_000)], object)
    assert abs(title_collision_rate(many) - 0.913) < 0.02
