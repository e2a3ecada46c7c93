"""What follows each step of the ranker's training: a pull towards nothing, running means, and the next step's size."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

#: Share of the training in which the step size rises to its full length.
_WARM_UP = 0.1
#: Weight of the running mean of the weights in each step, once it has seen enough steps.
_MEAN_DECAY = 0.998
#: Pull of the weights towards nothing, relative to their size and the step, with one positive; it falls with the fourth
#: root of their number. Chosen on validation windows (docs/adr/0043).
_WEIGHT_DECAY, _MOST_WEIGHT_DECAY = 11.0, 5.0


class AfterStep:
    """Called after each step, within its graph.

    Sources: Loshchilov and Hutter 2019 (weights decay beside Adam's step rather than in its slope; cosine step sizes);
    Izmailov et al. 2018 (averages of the weights along the training), here an exponential mean.
    """

    def __init__(
        self,
        weights: Sequence[Any],
        decaying: Sequence[Any],
        means: Sequence[Any],
        rate: Any,
        *,
        peak: float,
        total: int,
        taken: int,
        num_positives: int,
    ) -> None:
        """Before the first step.

        Args:
          weights: all that are learned.
          decaying: those of them that are pulled.
          means: variables that follow `weights`, one each.
          rate: variable, the size of the next step.
          peak: size of the largest step.
          total: steps of the training.
          taken: of them before now.
          num_positives: watches that the model was learned from.
        """
        self._weights, self._decaying, self._means, self._rate = weights, decaying, means, rate
        warm_up = max(1, round(_WARM_UP * total))
        self._sizes = tf.keras.optimizers.schedules.CosineDecay(
            0.0, max(1, total - warm_up), alpha=0.0, warmup_target=peak, warmup_steps=warm_up
        )
        self._decay = min(_MOST_WEIGHT_DECAY, _WEIGHT_DECAY / max(1, num_positives) ** 0.25)
        self._done = tf.Variable(float(taken), trainable=False)
        self._rate.assign(self._sizes(self._done))

    def __call__(self) -> None:
        """After one more step."""
        fade = self._rate * self._decay
        for weight in self._decaying:
            weight.assign_sub(fade * weight)
        self._done.assign_add(1.0)
        self._rate.assign(self._sizes(self._done))
        share = 1.0 - tf.minimum(_MEAN_DECAY, self._done / (9.0 + self._done))
        for mean, new in zip(self._means, self._weights, strict=True):
            mean.assign_add(share * (new - mean))
