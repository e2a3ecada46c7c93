"""Knobs of the two-tower retriever."""

from typing import Literal

from homefeed.settings.group import Group, knob


class RetrievalSettings(Group):
    """Two-tower retriever."""

    embedding_dim: int = knob(
        32, "Width of both towers' vectors, before the component that holds a video's bias.", gt=0
    )
    num_layers: int = knob(1, "Blocks of the query tower's transformer.", gt=0)
    num_heads: int = knob(2, "Heads of attention in each block; they share `embedding_dim`.", gt=0)
    dropout: float = knob(0.1, "Share of activations left out in each block while training.", ge=0, lt=1)
    side_features: bool = knob(
        True,
        "The towers read content, profile, watched shares and the moment; without, ids and their order alone, as the "
        "published protocols do.",
    )
    history_length: int = knob(50, "Newest watches that the query tower reads.", "videos", gt=1)
    max_epochs: int = knob(
        8, "Upper bound of passes over the training watches; the best epoch on validation is kept.", gt=0
    )
    patience: int = knob(2, "Passes without a better recall on validation after which training ends.", "epochs", gt=0)
    batch_size: int = knob(1024, "Watches per step.", gt=1)
    exact_softmax_below: int = knob(
        5_000,
        "A catalogue smaller than this is learned by the softmax over all of it instead of a sample; a step then holds "
        "3 x `batch_size` x videos x 4 bytes.",
        "videos",
        ge=0,
    )
    max_viewer_watches: float = knob(
        200.0, "All watches of one viewer weigh at most as much as this many in the loss.", "watches", gt=0
    )
    num_negatives: int = knob(1024, "Videos drawn uniformly from the catalogue as extra negatives of each step.", ge=0)
    log_q: bool = knob(
        True,
        "The sampled softmax takes from each logit the log of how often its video is drawn; without, popular ones are "
        "ranked too low. The softmax over all videos needs no correction.",
    )
    compute_type: Literal["float32", "bfloat16", "fastest"] = knob(
        "float32",
        "Type of the matrix products while training; weights, sums and the served towers are float32. fastest is "
        "bfloat16 where the processor multiplies it (AVX-512 BF16 or AMX), else float32.",
    )
    learning_rate: float = knob(0.003, "Largest step size of Adam.", gt=0)
    warmup_steps: int = knob(0, "Steps in which the step size grows to `learning_rate`.", "steps", ge=0)
    decay_epochs: int = knob(
        0,
        "Passes in which the step size falls to a hundredth by half a cosine; 0 leaves it as it is.",
        "epochs",
        ge=0,
    )
    seen_negatives: bool = knob(
        True,
        "What a viewer watched before counts as a negative of the softmax over all videos; off where it is never "
        "recommended again.",
    )
    whole_runs: bool = knob(
        False,
        "A pass reads of each viewer one run of at most `history_length` watches, at a random place, with nothing "
        "forgotten; else it reads every watch once, and a row begins without its past.",
    )
    average_steps: float = knob(
        0.0,
        "Steps over which weights are averaged; validation and the release get the average. 0 is the newest weights.",
        "steps",
        ge=0,
    )
    weight_decay: float = knob(
        0.0,
        "Share of every matrix and table that a step of size one would take away beside its slope; steps are far "
        "smaller. 0 leaves rows that a step did not read as they are, which a large catalogue needs.",
        ge=0,
    )
    frequency_memory: float = knob(
        200_000.0,
        "Watches of the stream after which an occurrence counts 1 / e in the estimate of how often a video is drawn.",
        "watches",
        gt=0,
    )
    frequency_buckets: int = knob(
        65_536, "Buckets that videos are hashed into for that estimate, four hashes over; more collide less.", gt=0
    )
    id_dropout: float = knob(
        0.1, "Share of videos shown to the towers without their id, so that an upload has a vector.", ge=0, lt=1
    )
    full_training_hour: int = knob(
        3,
        "At the first window after this hour of the day training starts anew; else it goes on.",
        "UTC",
        ge=0,
        le=23,
    )
    newest_h: int = knob(
        24,
        "A training that starts anew ends with the watches of this long, learned like those of an hour that goes on.",
        "h",
        ge=0,
    )
    incremental_epochs: int = knob(
        2, "Most passes over the newest watches and those replayed when training goes on from the last one.", gt=0
    )
    incremental_learning_rate: float = knob(0.001, "Step size of Adam when training goes on from the last one.", gt=0)
    replay_share: float = knob(
        0.5, "Share of the loss that watches learned before have when training goes on from the last one.", ge=0, lt=1
    )
    max_train_watches: int = knob(2_000_000, "Newest watches that training reads.", gt=0)
    max_eval_watches: int = knob(5_000, "Newest watches that one measurement of recall reads.", gt=0)
    validation_windows: int = knob(
        12, "Windows before the holdout that choose the epoch and are not trained on.", "windows", gt=0
    )
    holdout_windows: int = knob(
        12, "Newest closed windows that training never sees: the reported recall.", "windows", gt=0
    )
