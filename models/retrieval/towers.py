"""The two towers. A vector's last component is the video's bias, which every query multiplies by one, so that a dot
product
ranks and one index serves."""

from typing import Any

import numpy as np
import tensorflow as tf

from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.compute_type import compute_type
from models.retrieval.vocabularies import Vocabularies
from models.video_table import VideoTable
from models.vocabulary import UNKNOWN, Vocabulary

TITLE_BUCKETS = 8192
MAX_TITLE_TOKENS = 12
#: Log of the age in hours and of the counts of `watches.COUNT_SPANS`.
NUM_DYNAMIC = 4


def is_new(dynamic: Any) -> Any:
    """Whether a video had no watch in the longest span before its moment: dynamic [n, NUM_DYNAMIC] -> [n]."""
    return dynamic[:, -1] <= 0


#: Years of age per bucket, and how many buckets there are besides "unknown".
_AGE_BUCKET, _NUM_AGES = 10, 13


#: Below 1.001e-5 Keras computes the normalisation by plain operations. Its fused kernel (oneDNN's batch normalisation)
#: corrupts the heap when several threads answer requests of different lengths with one graph.
_NORM_EPSILON = 1e-6


def _normal(deviation: float) -> Any:
    """A new initializer for each weight: one that is used twice would make two weights alike."""
    return tf.keras.initializers.RandomNormal(stddev=deviation)


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
            return tf.keras.layers.Embedding(size, width, embeddings_initializer=_normal(scale))

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


class CandidateTower(tf.keras.layers.Layer):
    """Content and what the moment adds (age, counts of watches), if side features are on -> [n, width + 1]."""

    def __init__(self, settings: RetrievalSettings) -> None:
        super().__init__()
        self.width = width = settings.embedding_dim
        self._side_features = settings.side_features
        self.hidden = tf.keras.layers.Dense(2 * width, activation="relu")
        self.change = tf.keras.layers.Dense(width)
        self.bias_hidden = tf.keras.layers.Dense(width, activation="relu")
        self.bias = tf.keras.layers.Dense(1)

    def call(self, content: Any, dynamic: Any) -> Any:
        """content [n, width], dynamic [n, NUM_DYNAMIC] -> [n, width + 1], the bias last."""
        if not self._side_features:
            return tf.concat([content, tf.zeros_like(content[:, :1])], axis=1)
        both = tf.concat([content, dynamic], axis=1)
        vector = tf.math.l2_normalize(content + self.change(self.hidden(both)), axis=1)
        return tf.concat([vector, self.bias(self.bias_hidden(both))], axis=1)


class Block(tf.keras.layers.Layer):
    """Causal attention with a bias by distance, then a gated feed-forward layer, each normalised first and added.

    Sources: Kang and McAuley 2018, "Self-attentive sequential recommendation", section III; Raffel et al. 2020 (T5),
    section 2.1, for the bias; Shazeer 2020, "GLU variants improve transformer", for the gate.
    """

    def __init__(self, settings: RetrievalSettings) -> None:
        super().__init__()
        width, length, num_heads = settings.embedding_dim, settings.history_length, settings.num_heads
        # Rounded up, as a width need not be a multiple of the heads: `merge` brings it back.
        self._num_heads, self._head_width = num_heads, -(-width // num_heads)
        self._training_type = compute_type(settings)
        self.norm = tf.keras.layers.LayerNormalization(epsilon=_NORM_EPSILON)
        self.project = tf.keras.layers.Dense(3 * num_heads * self._head_width, use_bias=False)
        self.merge = tf.keras.layers.Dense(width)
        self.distance = self.add_weight(name="distance", shape=[num_heads, length], initializer="zeros")
        self.norm_feed = tf.keras.layers.LayerNormalization(epsilon=_NORM_EPSILON)
        self.feed = tf.keras.layers.Dense(4 * width)
        self.out = tf.keras.layers.Dense(width)
        self.dropout = tf.keras.layers.Dropout(settings.dropout)
        # `product` reads weights without calling the layer, which would make them.
        for dense, size in (
            (self.project, width),
            (self.merge, num_heads * self._head_width),
            (self.feed, width),
            (self.out, 2 * width),
        ):
            dense.build([None, size])

    def call(self, x: Any, distance: Any, visible: Any, training: bool = False) -> Any:
        """x [r, l, width], distance [l, l] between two places, visible [r, l, l] -> [r, l, width]."""
        kind = self._training_type if training else tf.float32
        rows, length = tf.shape(x)[0], tf.shape(x)[1]
        split = [rows, length, 3, self._num_heads, self._head_width]
        projected = product(self.project, self.norm(x), kind)
        query, key, value = tf.unstack(tf.transpose(tf.reshape(projected, split), [2, 0, 3, 1, 4]))
        bias = tf.gather(self.distance, distance, axis=1)
        score = tf.matmul(query * tf.cast(self._head_width**-0.5, kind), key, transpose_b=True)
        share = tf.cast(_shares(score, bias, visible), kind)
        seen = tf.transpose(tf.matmul(share, value), [0, 2, 1, 3])
        merged = product(self.merge, tf.reshape(seen, [rows, length, self._num_heads * self._head_width]), kind)
        x += self.dropout(tf.cast(merged, tf.float32), training=training)
        opened, gate = tf.split(product(self.feed, self.norm_feed(x), kind), 2, axis=-1)
        out = product(self.out, opened * tf.nn.silu(gate), kind)
        return x + self.dropout(tf.cast(out, tf.float32), training=training)


def product(dense: Any, x: Any, kind: Any) -> Any:
    """`dense` of x [..., n] computed in `kind`, which its result keeps."""
    if kind == tf.float32:
        return dense(x)
    flat = tf.matmul(tf.reshape(tf.cast(x, kind), [-1, x.shape[-1]]), tf.cast(dense.kernel, kind))
    if dense.use_bias:
        flat = tf.nn.bias_add(flat, tf.cast(dense.bias, kind))
    return tf.reshape(flat, tf.concat([tf.shape(x)[:-1], [dense.units]], axis=0))


def _shares(score: Any, bias: Any, visible: Any) -> Any:
    """Attention: score [r, h, l, l], bias [h, l, l], visible [r, l, l] -> [r, h, l, l] of float32."""
    return tf.nn.softmax(tf.where(visible[:, None], tf.cast(score, tf.float32) + bias[None], -1e9))


class QueryTower(tf.keras.layers.Layer):
    """A causal transformer over the history, then the viewer's profile and the moment -> [n, width + 1]."""

    def __init__(self, settings: RetrievalSettings, num_countries: int, num_languages: int) -> None:
        super().__init__()
        width, length = settings.embedding_dim, settings.history_length
        self._side_features, self._length = settings.side_features, length
        self.position = tf.keras.layers.Embedding(length, width, embeddings_initializer=_normal(0.05))
        self.watch = tf.keras.layers.Dense(width)
        self.dropout = tf.keras.layers.Dropout(settings.dropout)
        self.blocks = [Block(settings) for _ in range(settings.num_layers)]
        self.norm = tf.keras.layers.LayerNormalization(epsilon=_NORM_EPSILON)
        self.newcomer = self.add_weight(name="newcomer", shape=[width], initializer=_normal(0.05))
        self.country = tf.keras.layers.Embedding(num_countries, 8)
        self.language = tf.keras.layers.Embedding(num_languages, 8)
        self.age = tf.keras.layers.Embedding(_NUM_AGES + 1, 8)
        self.hidden = tf.keras.layers.Dense(2 * width, activation="relu")
        self.change = tf.keras.layers.Dense(width)
        if self._side_features:
            self.log_scale = self.add_weight(
                name="log_scale", shape=[], initializer=tf.keras.initializers.Constant(np.log(8.0))
            )

    def states(
        self, content: Any, fractions: Any, gaps: Any, *, position: Any, visible: Any, training: bool = False
    ) -> Any:
        """What is known after each watch.

        Args:
          content: [r, l, width] of the watched videos.
          fractions: [r, l] share that was watched.
          gaps: [r, l] `log_gap` to the watch before.
          position: [r, l] place in the viewer's run.
          visible: [r, l, l] True where the first may look at the second.
          training: whether dropout is on.

        Returns:
          [r, l, width].
        """
        x = content + self.position(position)
        if self._side_features:
            x += self.watch(tf.stack([fractions, gaps], axis=2))
        x = self.dropout(x, training=training)
        place = tf.range(tf.shape(content)[1])
        distance = tf.clip_by_value(place[:, None] - place[None, :], 0, self._length - 1)
        for block in self.blocks:
            x = block(x, distance, visible, training=training)
        return self.norm(x)

    def call(self, state: Any, has_history: Any, profile: dict[str, Any], context: Any) -> Any:
        """state [n, width], has_history [n], profile of codes [n], context [n, NUM_CONTEXT] -> query [n, width + 1],
        the last component one."""
        state = tf.where(has_history[:, None], state, tf.zeros_like(state) + self.newcomer)
        one = tf.ones_like(state[:, :1])
        if not self._side_features:
            return tf.concat([state, one], axis=1)
        known = [self.country(profile["country"]), self.language(profile["language"]), self.age(profile["age"])]
        change = self.change(self.hidden(tf.concat([state, *known, context], axis=1)))
        vector = tf.math.l2_normalize(state + change, axis=1) * tf.exp(self.log_scale)
        return tf.concat([vector, one], axis=1)


def age_bucket(age: Any) -> Any:
    """Age in years, -1 unknown, [n] -> code [n]: 0 unknown, then tens of years."""
    years = tf.cast(age, tf.int32)
    return tf.where(years < 0, tf.zeros_like(years), 1 + tf.minimum(years // _AGE_BUCKET, _NUM_AGES - 1))
