"""What is saved of a module: the functions that are asked for, and nothing of Keras'."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from models.graph import graph, save_graph
from models.vocabulary import Vocabulary


class Scaled(tf.Module):
    """A layer behind a vocabulary, and a number."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = tf.keras.layers.Dense(2, use_bias=False, kernel_initializer="ones")
        self.codes, self.by = Vocabulary(np.array([30, 10]), "codes"), tf.Variable(2.0)

    @graph(input_signature=[tf.TensorSpec([None], tf.int64, "keys")])
    def score(self, keys):
        return self.by * self.layer(tf.cast(self.codes(keys), tf.float32)[:, None])


def test_functions_answer_the_same_once_they_are_loaded(tmp_path: Path) -> None:
    module = Scaled()
    # Codes are 0 for a missing key, 1 for an unknown one, then 2, 3, ... in the order of the vocabulary.
    expected = [[0.0, 0.0], [2.0, 2.0], [4.0, 4.0], [6.0, 6.0]]
    keys = tf.constant([0, 7, 30, 10], tf.int64)
    assert module.score(keys).numpy().tolist() == expected
    save_graph(module, ("score", "by"), tmp_path / "saved")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    assert loaded.score(keys).numpy().tolist() == expected
    assert loaded.signatures["score"](keys=keys)["output_0"].numpy().tolist() == expected
    assert loaded.by.numpy() == 2.0
    assert not hasattr(loaded, "layer")


def test_of_a_layer_nothing_is_saved_but_its_weights(tmp_path: Path) -> None:
    module = Scaled()
    module.score(tf.constant([1], tf.int64))
    save_graph(module, ("score",), tmp_path / "ours")
    tf.saved_model.save(module, str(tmp_path / "whole"), signatures={"score": module.score})
    ours, whole = (set(_kinds(tmp_path / name)) for name in ("ours", "whole"))
    assert any(kind.startswith("_tf_keras") for kind in whole)
    assert not any(kind.startswith("_tf_keras") for kind in ours)


def _kinds(path: Path) -> list[str]:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    read = SavedModel.FromString((path / "saved_model.pb").read_bytes())
    return [node.user_object.identifier for node in read.meta_graphs[0].object_graph_def.nodes]
