"""What the query tower reads of time: gaps between watches, and the moment of the request. In the graph, so training
and serving cannot disagree."""

from typing import Any

import tensorflow as tf

from models.retrieval.constants import DAY_US, LOG_DAY, SECOND_US

#: Sine and cosine of the hour of the day, log of the time since the newest watch. The weekday is left out: over the
#: days that a training reads it is a clock that runs on, not a season that comes again.
NUM_CONTEXT = 3


def log_gap(later: Any, earlier: Any, exists: Any) -> Any:
    """Times in microseconds and whether there is an earlier one, all of one shape -> log of the seconds between them, 0
    where there is none; about 0.7 for an hour, 1 for a day."""
    seconds = tf.cast(tf.maximum(later - earlier, 0) // SECOND_US, tf.float32)
    return tf.where(exists, tf.math.log1p(seconds) / LOG_DAY, tf.zeros_like(seconds))


def context(time: Any, newest: Any, has_history: Any) -> Any:
    """Time of the request and of the newest watch before it [n, microseconds], whether there is one [n] -> [n,
    NUM_CONTEXT]."""
    hour = tf.cast(time % DAY_US, tf.float32) * (6.283185307179586 / DAY_US)
    return tf.stack([tf.sin(hour), tf.cos(hour), log_gap(time, newest, has_history)], axis=1)
