"""Which topics and lengths are watched when, and on what: crosses of two features beside the trunk.

The trunk's own crosses are pulled towards nothing with its other weights, and days of watches did not teach them that
a topic is watched in the evening. Here each pair has a number of its own, which begins at 0.
"""

from typing import Any

import tensorflow as tf

from homefeed.features import TARGETS

_HEADS = len(TARGETS)


class Crosses(tf.keras.layers.Layer):
    """Log-odds of each head by the hour and the device of a visit, and the topic and length of a video.

    Source: Cheng et al. 2016, section 3.1 (cross-product transformations of a wide part).

    Attributes:
      num_contexts: numbers that say when, and on what, a viewer watches.
    """

    def __init__(self, topics: int, countries: int, devices: int) -> None:
        """Codes of each."""
        super().__init__(name="crosses")
        self.num_contexts = 2 + devices

        def zeros(rows: int, width: int) -> Any:
            return self.add_weight(shape=[rows, width], initializer="zeros")

        #: What the clock of a country is ahead of UTC's [radians of a day]; it is learned.
        self.phase = zeros(countries, 1)
        self.topic = zeros(topics, self.num_contexts * _HEADS)
        self.length = zeros(devices, _HEADS)

    def call(self, context: Any, topic: Any, device: Any, length: Any) -> Any:
        """What is added to the logits, [n, len(TARGETS)].

        Args:
          context: [n, num_contexts] of `context`.
          topic, device: codes [n].
          length: [n] float, normalised logarithm of the duration.
        """
        by_context = tf.reshape(tf.gather(self.topic, topic), [-1, self.num_contexts, _HEADS])
        by_topic = tf.reduce_sum(by_context * context[:, :, None], axis=1)
        return by_topic + length[:, None] * tf.gather(self.length, device)

    def context(self, hour: Any, country: Any, device: Any) -> Any:
        """When a viewer watches and on what: the hour of the day there, as a point of a circle, and the device.

        Args:
          hour: [n, 2] sine and cosine of the hour in UTC.
          country, device: codes [n].

        Returns:
          [n, num_contexts].
        """
        ahead = tf.gather(self.phase, country)
        sine, cosine = hour[:, :1], hour[:, 1:]
        there = [sine * tf.cos(ahead) + cosine * tf.sin(ahead), cosine * tf.cos(ahead) - sine * tf.sin(ahead)]
        return tf.concat([*there, tf.one_hot(device, self.num_contexts - 2)], axis=1)
