"""The towers as the tutorial of TensorFlow Recommenders trains them: what `homefeed bench train-retrieval` compares
with."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from homefeed.settings.retrieval import RetrievalSettings
from models.profiles import Profiles
from models.retrieval.batches import Log, dynamic
from models.retrieval.request_time import context, log_gap
from models.retrieval.towers import (
    NUM_DYNAMIC,
    CandidateTower,
    Content,
    QueryTower,
    VideoPreprocessing,
    age_bucket,
    encode,
)
from models.retrieval.vocabularies import vocabularies_of
from models.retrieval.watches import Watches, histories
from models.vocabulary import Vocabulary


class PlainTowers(tfrs.models.Model):
    """The platform's layers in `tfrs.tasks.Retrieval` and Keras' own loop: in-batch softmax, nothing else.

    Content is looked up by the row of a video in tensors of the graph, so that the data set holds rows only.
    """

    def __init__(self, log: Log, watches: Watches, settings: RetrievalSettings) -> None:
        super().__init__()
        known = vocabularies_of(log.table, log.profiles, watches.videos)
        preprocessing = VideoPreprocessing(known)
        self._codes = encode(preprocessing, log.table)
        self.content = Content(preprocessing, settings)
        self.candidate = CandidateTower(settings)
        self.query = QueryTower(settings, len(known.countries) + 2, len(known.languages) + 2)
        self.task = tfrs.tasks.Retrieval()
        self.compile(optimizer=tf.keras.optimizers.legacy.Adam(settings.learning_rate))

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Loss of a batch of watches, rows of `examples`, or of a batch of rows of `packed`."""
        return self._packed(inputs, training) if "segment" in inputs else self._padded(inputs, training)

    def _padded(self, inputs: dict[str, Any], training: bool) -> Any:
        history, size = inputs["history"], inputs["size"]
        rows, length = tf.unstack(tf.shape(history))
        position = tf.broadcast_to(tf.range(length)[None], [rows, length])
        visible = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)[None]
        states = self._states(history, inputs, position, visible & (position < size[:, None])[:, None], training)
        newest = tf.maximum(size - 1, 0)
        last = tf.gather(inputs["times"], newest, batch_dims=1)
        moment = context(inputs["time"], last, size > 0)
        query = self.query(tf.gather(states, newest, batch_dims=1), size > 0, inputs, moment)
        return self._loss(query, inputs["video"], tf.ensure_shape(inputs["dynamic"], [None, NUM_DYNAMIC]), training)

    def _packed(self, inputs: dict[str, Any], training: bool) -> Any:
        watched, segment, position = inputs["history"], inputs["segment"], inputs["position"]
        length = tf.shape(segment)[1]
        causal = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)[None]
        same = segment[:, :, None] == segment[:, None, :]
        states = self._states(watched, inputs, position, causal & same, training)
        before = tf.concat([tf.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
        time, has_history = inputs["times"], position > 0
        earlier = tf.concat([time[:, :1], time[:, :-1]], axis=1)
        flat = {name: tf.reshape(inputs[name], [-1]) for name in ("country", "language", "age")}
        known = tf.reshape(has_history, [-1])
        moment = context(tf.reshape(time, [-1]), tf.reshape(earlier, [-1]), known)
        query = self.query(tf.reshape(before, [-1, before.shape[-1]]), known, flat, moment)
        return self._loss(query, tf.reshape(watched, [-1]), tf.reshape(inputs["dynamic"], [-1, NUM_DYNAMIC]), training)

    def _states(self, history: Any, inputs: dict[str, Any], position: Any, visible: Any, training: bool) -> Any:
        content = self.content(self._of(tf.reshape(history, [-1])), training=training)
        content = tf.reshape(content, [tf.shape(history)[0], tf.shape(history)[1], content.shape[-1]])
        time = inputs["times"]
        gaps = log_gap(time, tf.concat([time[:, :1], time[:, :-1]], axis=1), position > 0)
        return self.query.states(
            content, inputs["fractions"], gaps, position=position, visible=visible, training=training
        )

    def _loss(self, query: Any, video: Any, moment: Any, training: bool) -> Any:
        candidate = self.candidate(self.content(self._of(video), training=training), moment)
        return self.task(query, candidate, compute_metrics=False) / tf.cast(tf.shape(query)[0], tf.float32)

    def _of(self, video: Any) -> dict[str, Any]:
        return {name: tf.gather(codes, video) for name, codes in self._codes.items()}


def examples(log: Log, watches: Watches, settings: RetrievalSettings) -> dict[str, Any]:
    """One row per watch with the history before it, left-aligned and padded with zeros."""
    index = histories(watches, watches.users, watches.times, settings.history_length)
    present = index >= 0
    return {
        "history": np.where(present, watches.videos[index], 0).astype(np.int32),
        "times": np.where(present, watches.times[index], 0),
        "fractions": np.where(present, watches.fractions[index], 0).astype(np.float32),
        "size": present.sum(axis=1).astype(np.int32),
        "video": watches.videos.astype(np.int32),
        "time": watches.times,
        "dynamic": dynamic(log, watches.videos, watches.times),
        **_profile(log.profiles, watches),
    }


def packed(log: Log, watches: Watches, settings: RetrievalSettings, seed: int) -> dict[str, Any]:
    """One row per `history_length` watches, packed once as the platform packs them before every pass."""
    from models.retrieval.watches import pack

    stream = pack(watches, settings.history_length, np.random.default_rng(seed))
    whole = stream.watch[:-1]
    return {
        "history": watches.videos[whole].astype(np.int32),
        "times": watches.times[whole],
        "fractions": watches.fractions[whole],
        "position": stream.position[:-1].astype(np.int32),
        "segment": stream.segment[:-1].astype(np.int32),
        "dynamic": dynamic(log, watches.videos[whole].ravel(), watches.times[whole].ravel()).reshape(
            *whole.shape, NUM_DYNAMIC
        ),
        **{name: column[whole] for name, column in _profile(log.profiles, watches).items()},
    }


def _profile(profiles: Profiles, watches: Watches) -> dict[str, Any]:
    country, language, age = profiles.of(watches.users)
    codes = [Vocabulary(np.unique(keys[keys != 0]), "profile") for keys in (country, language)]
    return {
        "country": codes[0](country).numpy(),
        "language": codes[1](language).numpy(),
        "age": age_bucket(age).numpy(),
    }
