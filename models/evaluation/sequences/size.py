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
      learning_rate: of Adam.
      average_steps: steps over which the weights that are validated and kept are averaged.
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
    average_steps: float


def size_of(train: SequenceLog) -> Size:
    """The rule, from interactions n of the training log and their mean m per user.

    Wide (128) from n = 500,000, else 64: fewer interactions do not fill more. Long histories (200) where m is at least
    50, else 50. Dropout 0.5 where m is below 20, else 0.2: short histories are learned by heart.

    Source: length and dropout follow Kang and McAuley 2018, "Self-attentive sequential recommendation", section IV:
    200 and 0.2 on MovieLens-1M, 50 and 0.5 on the sparse sets.
    """
    mean = len(train) / max(1, train.num_users)
    return Size(
        dimension=128 if len(train) >= 500_000 else 64,
        layers=2,
        heads=2,
        length=200 if mean >= 50 else 50,
        dropout=0.2 if mean >= 20 else 0.5,
        batch_size=4096 if len(train) >= 500_000 else 1024,
        epochs=100,
        patience=10,
        learning_rate=0.001,
        average_steps=500.0,
    )
