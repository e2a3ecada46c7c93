"""The size of a model by the size of the data: one rule, used when nobody says otherwise."""

from dataclasses import dataclass

from models.evaluation.sequences.log import SequenceLog


@dataclass(frozen=True)
class Size:
    """What a sequence model is made of.

    Attributes:
      dimension: width of its vectors.
      layers: blocks of the transformer.
      heads: of attention in each.
      length: newest items of a history that it reads.
      dropout: share of activations left out in training.
      batch_size: training interactions per step.
      epochs: upper bound of passes over the training log; the best on validation is kept.
      patience: passes without a better one after which training ends.
      learning_rate: of Adam, the largest.
      warmup_steps: steps in which the step size grows to it.
      weight_decay: share of the weights that a step of size one takes away.
      average_steps: steps over which the weights that are validated and kept are averaged.
      whole_runs: a pass reads one run of each user instead of every interaction once.
      seen_negatives: what a user did before is a negative.
      compute_type: of the matrix products in training.
    """

    dimension: int
    layers: int
    heads: int
    length: int
    dropout: float
    batch_size: int
    epochs: int
    patience: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    average_steps: float
    whole_runs: bool
    seen_negatives: bool
    compute_type: str


def size_of(train: SequenceLog) -> Size:
    """The rule, from interactions n of the training log and their mean m per user.

    Wide (128) and three blocks from n = 500,000, else 64 and two: fewer interactions do not fill more. Long histories
    (200) where m is at least 50, else 50. Dropout 0.5 where m is below 20, else 0.2: short histories are learned by
    heart.

    The step size grows for 200 steps, at most one pass, and falls over all of them, as a large one leaves the plateau
    of popularity early and a small one ends well; 36 passes from n = 500,000, else 100. From there on weights decay a
    little, as the last of so many passes learn by heart. Runs are whole, as histories are when they are measured. What
    was seen is no negative, as the protocols never rank it again.

    Source: length and dropout follow Kang and McAuley 2018, "Self-attentive sequential recommendation", section IV:
    200 and 0.2 on MovieLens-1M, 50 and 0.5 on the sparse sets.
    """
    mean, is_large = len(train) / max(1, train.num_users), len(train) >= 500_000
    batch_size, epochs = (4096, 36) if is_large else (1024, 100)
    return Size(
        dimension=128 if is_large else 64,
        layers=3 if is_large else 2,
        heads=2,
        length=200 if mean >= 50 else 50,
        dropout=0.2 if mean >= 20 else 0.5,
        batch_size=batch_size,
        epochs=epochs,
        patience=10,
        learning_rate=0.003,
        warmup_steps=min(200, len(train) // batch_size),
        weight_decay=0.1 if is_large else 0.0,
        average_steps=200.0,
        whole_runs=True,
        seen_negatives=False,
        compute_type="fastest",
    )
