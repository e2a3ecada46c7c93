"""Functions of TensorFlow: how they are made and how they are saved."""

import functools
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from models.vocabulary import Vocabulary

#: `tf.function` that takes the code as it is. AutoGraph would read and rewrite the source of all that a function calls,
#: Keras' own too, which is a fifth of a short training, and nothing here branches on a tensor but by an operation.
graph = functools.partial(tf.function, autograph=False)


def save_graph(module: tf.Module, names: Sequence[str], path: Path) -> None:
    """Save what a module has of these names, functions and variables, with all variables and tables that they use.

    Of a module as it is every layer of Keras would be saved as well, with graphs of its own that nobody calls: each
    takes time to make, to write, and to read wherever the functions are loaded.
    """
    saved = tf.Module()
    tables = [part.table for part in module.submodules if isinstance(part, Vocabulary)]
    saved.held = [*module.variables, *tables]
    for name in names:
        setattr(saved, name, getattr(module, name))
    functions = {name: getattr(module, name) for name in names if callable(getattr(module, name))}
    tf.saved_model.save(saved, str(path), signatures=functions)
