"""The network with the loop that trains it."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from homefeed.features import TARGETS
from homefeed.settings import Settings
from models.evaluation import normalised_entropy
from models.ranking.examples import Examples, Inputs
from models.ranking.network import Ranker
from models.ranking.preprocessing import Preprocessing
from models.ranking.saved_ranker import SavedRanker, tensors

#: Exposures scored in one call.
_BLOCK = 8192
#: Share of the training in which the step size rises to its full length.
_WARM_UP = 0.1
#: Weight of the running mean of the weights in each step, once it has seen enough steps.
_MEAN_DECAY = 0.998

#: Pull of the weights towards nothing, relative to their size and the step, with one positive; it falls with the root
#: of their number. Chosen on validation windows: 0.4 with 33,000 positives; the middle of 0.4, 1.4 and 2 with 2,800.
_WEIGHT_DECAY, _MOST_WEIGHT_DECAY = 73.0, 5.0


class Trainer:
    """A network with the loop that trains it."""

    def __init__(self, settings: Settings, train: Examples) -> None:
        self._settings = settings.ranking
        self._random = np.random.default_rng(settings.seed)
        watched = train.labels["watched"] > 0
        mean_watch_s = max(1.0, float(train.labels["watch_s"][watched].mean()))
        self._preprocessing = Preprocessing(train.inputs)
        self._network = Ranker(self._preprocessing, mean_watch_s, settings.ranking)
        self._saved = SavedRanker(self._network, self._preprocessing, settings.ranking.negative_rate, mean_watch_s)

    def train(self, train: Examples, validation: Examples) -> list[float]:
        """Fit; the network keeps the running mean of its weights after the epoch in which that had the least
        normalised entropy on validation. Returns that entropy by epoch.

        Sources: Izmailov et al. 2018 (averages of the weights along the training), here an exponential mean;
        Loshchilov and Hutter 2019 (weights decay beside Adam's step rather than in its slope).
        """
        knobs = self._settings
        codes, weight = self._encode(train), tf.constant(train.weight)
        labels = tensors(train.labels)
        size = max(1, min(knobs.batch_size, len(train) // knobs.min_steps))
        steps = len(train) // size
        epochs = max(knobs.max_epochs, -(-knobs.min_training_steps // steps))
        total = steps * epochs
        warm_up = max(1, round(_WARM_UP * total))
        rate = tf.keras.optimizers.schedules.CosineDecay(
            0.0, total - warm_up, alpha=0.0, warmup_target=knobs.learning_rate, warmup_steps=warm_up
        )
        decay = min(_MOST_WEIGHT_DECAY, _WEIGHT_DECAY / float(np.sqrt((train.labels["watched"] > 0).sum())))
        optimizer = tf.keras.optimizers.legacy.Adam(rate)
        self._network({name: code[:2] for name, code in codes.items()})
        weights = self._network.trainable_variables
        means = [tf.Variable(w, trainable=False) for w in weights]
        done = tf.Variable(0.0, trainable=False)

        # One graph for a whole pass: a call per step would cost as much as a small step itself.
        @tf.function
        def learn(order: Any) -> None:
            for rows in order:
                with tf.GradientTape() as tape:
                    loss = self._network.compute_loss(
                        (
                            {name: tf.gather(code, rows) for name, code in codes.items()},
                            {name: tf.gather(label, rows) for name, label in labels.items()},
                            tf.gather(weight, rows),
                        ),
                        training=True,
                    )
                # As whole tables: their rows are few, and Adam's sparse update took twice as long as all the rest.
                slopes = [tf.convert_to_tensor(slope) for slope in tape.gradient(loss, weights)]
                optimizer.apply_gradients(zip(slopes, weights, strict=True))
                fade = rate(done) * decay
                for weight_table in weights:
                    if weight_table.shape.rank > 1:
                        weight_table.assign_sub(fade * weight_table)
                done.assign_add(1.0)
                share = 1.0 - tf.minimum(_MEAN_DECAY, done / (9.0 + done))
                for mean, new in zip(means, weights, strict=True):
                    mean.assign_add(share * (new - mean))

        unseen, watched = self._encode(validation), validation.labels["watched"] > 0
        history: list[float] = []
        best: list[NDArray[np.float32]] = []
        for _ in range(epochs):
            learn(tf.constant(self._random.permutation(len(train))[: steps * size].reshape(steps, size)))
            latest = [w.numpy() for w in weights]
            _assign(weights, [m.numpy() for m in means])
            history.append(normalised_entropy(watched, self._watched(unseen)))
            if history[-1] == min(history):
                best = [m.numpy() for m in means]
            _assign(weights, latest)
        _assign(weights, best)
        return history

    def _watched(self, codes: dict[str, Any]) -> NDArray[np.float32]:
        """The watched head of encoded exposures, [n], uncalibrated."""
        return self._heads(codes)[:, TARGETS.index("watched")]

    def _heads(self, codes: dict[str, Any]) -> NDArray[np.float32]:
        num = len(codes["video"])
        blocks = [self._of_codes({n: c[at : at + _BLOCK] for n, c in codes.items()}) for at in range(0, num, _BLOCK)]
        return np.concatenate([b.numpy() for b in blocks]) if blocks else np.zeros((0, len(TARGETS)), np.float32)

    @tf.function(reduce_retracing=True)
    def _of_codes(self, codes: dict[str, Any]) -> Any:
        return self._saved.heads(self._network(codes))

    def predict(self, examples: Examples) -> NDArray[np.float32]:
        """Uncalibrated heads, [n, len(TARGETS)]."""
        return self._heads(self._encode(examples)) if len(examples) else np.zeros((0, len(TARGETS)), np.float32)

    def watched(self, inputs: Inputs) -> NDArray[np.float32]:
        """Uncalibrated probabilities of a watch, [n], by the graph that is served; viewer columns may have one row."""
        return np.asarray(self._saved.score(tensors(inputs.columns())).numpy()[:, TARGETS.index("watched")])

    def save(self, folder: Path) -> None:
        """Write the graph."""
        tf.saved_model.save(self._saved, str(folder / "ranker"), signatures={"score": self._saved.score})

    def _encode(self, examples: Examples) -> dict[str, Any]:
        """Codes of every example, made once: hashing the same keys in each epoch would cost as much as learning from
        them."""
        columns = examples.inputs.columns()
        blocks = [
            self._preprocessing(tensors({n: c[first : first + _BLOCK] for n, c in columns.items()}))
            for first in range(0, len(examples), _BLOCK)
        ]
        return {name: tf.concat([block[name] for block in blocks], axis=0) for name in blocks[0]}


def _assign(variables: list[Any], values: list[NDArray[np.float32]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
