"""What a video is by itself: preprocessing in the graph, and one vector of id, channel, topics, title and the rest."""

from typing import Any

import numpy as np
import tensorflow as tf

from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.initializer import normal
from models.retrieval.vocabularies import Vocabularies
from models.video_table import VideoTable
from models.vocabulary import UNKNOWN, Vocabulary

TITLE_BUCKETS = 8192
MAX_TITLE_TOKENS = 12


class VideoPreprocessing(tf.Module):
    """Content of videos -> codes, inside the graph."""

    def __init__(self, known: Vocabularies) -> None:
        super().__init__(name="video_preprocessing")
        self.videos = Vocabulary(known.videos, "videos")
        self.channels = Vocabulary(known.channels, "channels")
        self.topics = Vocabulary(known.topics, "topics")
        self.languages = Vocabulary(known.video_languages, "video_languages")

    def __call__(self, videos: dict[str, Any]) -> dict[str, Any]:
        """`video`, `channel`, `language` keys [n], `topics` keys [n, t], `title` [n], `duration_s` [n] -> name ->
        codes."""
        words = _words(videos["title"])[:, :MAX_TITLE_TOKENS]
        words = words.to_tensor(default_value="", shape=[None, MAX_TITLE_TOKENS])
        # Bucket 0 is padding, which the empty string stands for.
        buckets = tf.strings.to_hash_bucket_fast(words, TITLE_BUCKETS - 1) + 1
        return {
            "video": self.videos(videos["video"]),
            "channel": self.channels(videos["channel"]),
            "topics": self.topics(videos["topics"]),
            "language": self.languages(videos["language"]),
            "title": tf.where(words == "", tf.zeros_like(buckets), buckets),
            "log_duration": tf.math.log1p(tf.cast(videos["duration_s"], tf.float32)) / 6.0,
        }


def title_collision_rate(table: VideoTable) -> float:
    """Share of the distinct words of the titles that share a bucket with another word; 0 without words."""
    if not len(table):
        return 0.0
    words = np.unique(_words(tf.constant(table.titles.astype(str))).flat_values.numpy())
    buckets = tf.strings.to_hash_bucket_fast(tf.constant(words, tf.string), TITLE_BUCKETS - 1).numpy()
    return float((np.bincount(buckets)[buckets] > 1).mean()) if len(words) else 0.0


def _words(titles: Any) -> Any:
    """Titles [n] -> [n, ragged] words in small letters."""
    return tf.strings.split(tf.strings.regex_replace(tf.strings.lower(titles), r"[^\pL\pN]+", " "))


def encode(preprocessing: VideoPreprocessing, table: VideoTable) -> dict[str, Any]:
    """Codes of every row of `table`, as tensors."""
    return preprocessing(
        {
            "video": tf.constant(table.keys),
            "channel": tf.constant(table.channels),
            "topics": tf.constant(table.topics),
            "language": tf.constant(table.languages),
            "title": tf.constant(np.asarray(table.titles, dtype=str) if len(table) else np.zeros(0, str)),
            "duration_s": tf.constant(table.duration_s),
        }
    )


class Content(tf.keras.layers.Layer):
    """Codes of videos -> [n, width]: the sum of what id, channel, topics, title, language and duration say."""

    def __init__(self, preprocessing: VideoPreprocessing, settings: RetrievalSettings) -> None:
        super().__init__()
        width = settings.embedding_dim
        self._side_features, self._id_dropout = settings.side_features, settings.id_dropout

        def table(size: int, scale: float = 0.05) -> Any:
            return tf.keras.layers.Embedding(size, width, embeddings_initializer=normal(scale))

        self.video = table(preprocessing.videos.size)
        self.channel = table(preprocessing.channels.size)
        self.topic = table(preprocessing.topics.size, 0.2)
        self.language = table(preprocessing.languages.size)
        self.title = table(TITLE_BUCKETS)
        self.duration = tf.keras.layers.Dense(width)

    def call(self, codes: dict[str, Any], is_new: Any = None, training: bool = False) -> Any:
        """Embed. Where `is_new` [n], and for some others while training, the id is hidden, so that the content alone
        learns to speak for a video that nobody has watched yet."""
        video = codes["video"]
        if not self._side_features:
            return self.video(video)
        unknown = UNKNOWN * tf.ones_like(video)
        if is_new is not None:
            video = tf.where(is_new, unknown, video)
        if training and self._id_dropout:
            video = tf.where(tf.random.uniform(tf.shape(video)) < self._id_dropout, unknown, video)
        return (
            self.video(video)
            + self.channel(codes["channel"])
            + _mean(self.topic, codes["topics"])
            + _mean(self.title, codes["title"])
            + self.language(codes["language"])
            + self.duration(codes["log_duration"][:, None])
        )


def _mean(table: Any, codes: Any) -> Any:
    """Mean embedding of the codes of each row that are not padding: [n, t] -> [n, width]."""
    present = tf.cast(codes > 0, tf.float32)[:, :, None]
    return tf.reduce_sum(table(codes) * present, axis=1) / tf.maximum(tf.reduce_sum(present, axis=1), 1.0)
