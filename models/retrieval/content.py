"""What a video is by itself: preprocessing in the graph, and one vector of id, channel, topics, title and the rest."""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from homefeed.settings.retrieval import RetrievalSettings
from models.codes import UNKNOWN
from models.retrieval.constants import LOG_DURATION
from models.retrieval.initializer import normal
from models.retrieval.titles import TITLE_BUCKETS, title_codes
from models.retrieval.vocabularies import Vocabularies
from models.video_table import VideoTable
from models.vocabulary import Vocabulary


class VideoPreprocessing(tf.Module):
    """Content of videos -> codes, inside the graph."""

    def __init__(self, known: Vocabularies) -> None:
        super().__init__(name="video_preprocessing")
        self.videos = Vocabulary(known.videos, "videos")
        self.channels = Vocabulary(known.channels, "channels")
        self.topics = Vocabulary(known.topics, "topics")
        self.languages = Vocabulary(known.video_languages, "video_languages")

    def __call__(self, videos: dict[str, Any]) -> dict[str, Any]:
        """`video`, `channel`, `language` keys [n], `topics` keys [n, t], `title` codes [n, w] of `title_codes`,
        `duration_s` [n] -> name -> codes."""
        return {
            "video": self.videos(videos["video"]),
            "channel": self.channels(videos["channel"]),
            "topics": self.topics(videos["topics"]),
            "language": self.languages(videos["language"]),
            "title": videos["title"],
            "log_duration": tf.math.log1p(tf.cast(videos["duration_s"], tf.float32)) / LOG_DURATION,
        }


def encode(preprocessing: VideoPreprocessing, table: VideoTable) -> dict[str, Any]:
    """Codes of every row of `table`, as tensors."""
    return preprocessing(
        {
            "video": tf.constant(table.keys),
            "channel": tf.constant(table.channels),
            "topics": tf.constant(table.topics),
            "language": tf.constant(table.languages),
            "title": tf.constant(title_codes(table.titles)),
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

    def weights_by_name(self) -> Iterator[tuple[str, Any]]:
        """What is added to the embedding of an id, as `page_candidates.PageCandidates` names it."""
        if self._side_features:
            for name in ("channel", "topic", "language", "title"):
                yield name, tf.identity(getattr(self, name).embeddings)
            yield "duration_kernel", tf.identity(self.duration.kernel)
            yield "duration_bias", tf.identity(self.duration.bias)


def _mean(table: Any, codes: Any) -> Any:
    """Mean embedding of the codes of each row that are not padding: [n, t] -> [n, width]."""
    present = tf.cast(codes > 0, tf.float32)[:, :, None]
    return tf.reduce_sum(table(codes) * present, axis=1) / tf.maximum(tf.reduce_sum(present, axis=1), 1.0)
