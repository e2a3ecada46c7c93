"""How large a step of training is, from the first to the last."""

import math

from homefeed.settings.retrieval import RetrievalSettings

#: Share of the largest step size that is left at the end.
_LAST = 0.01


def step_size(settings: RetrievalSettings, step: int, epoch: int) -> float:
    """Step size of a step: it grows in proportion to the step, and falls from pass to pass by half a cosine.

    Args:
      settings: `learning_rate` is the largest, after `warmup_steps`; the last is reached after `decay_epochs`.
      step: number of the step in the training, 0 first.
      epoch: number of its pass, 0 first.

    Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", equation 5, without
    the restarts.
    """
    grown = min(1.0, (step + 1) / (settings.warmup_steps + 1))
    done = min(1.0, epoch / settings.decay_epochs) if settings.decay_epochs else 0.0
    return settings.learning_rate * grown * (_LAST + (1 - _LAST) * (1 + math.cos(math.pi * done)) / 2)
