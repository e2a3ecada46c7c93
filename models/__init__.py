"""Models: towers, ranker, calibration, value model, evaluation, index and bundle.

TensorFlow Recommenders needs Keras 2, which TensorFlow selects when it is first imported; this is the one place that
says so.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
# TensorFlow's C++ start-up notes are not for the reader of a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
