"""The settings of the model that is measured: options first, then `HOMEFEED_RETRIEVAL__*`, then the rule by size."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from homefeed.cli.evaluate.inputs import ArgumentsError
from homefeed.settings.retrieval import RetrievalSettings

if TYPE_CHECKING:
    from models.evaluation.sequences import SequenceLog

#: Option, or part of the size that is no option -> knob of RetrievalSettings.
KNOBS = {
    "patience": "patience",
    "learning_rate": "learning_rate",
    **{
        knob: knob
        for knob in (
            "warmup_steps",
            "weight_decay",
            "average_steps",
            "whole_runs",
            "seen_negatives",
            "compute_type",
        )
    },
    "dimension": "embedding_dim",
    "layers": "num_layers",
    "heads": "num_heads",
    "length": "history_length",
    "dropout": "dropout",
    "batch_size": "batch_size",
    "epochs": "max_epochs",
}


def shaped(
    settings: RetrievalSettings, train: "SequenceLog", options: dict[str, int | float | None]
) -> RetrievalSettings:
    """The settings for one training log.

    Args:
      settings: those that were loaded; a knob that was set there, by its environment variable, is kept.
      train: decides what nobody said, by `size_of`.
      options: what the command line said, by name of KNOBS; None is nothing.

    Raises:
      ArgumentsError: an option has a value that it cannot have.
    """
    from pydantic import ValidationError

    from models.evaluation.sequences.size import size_of

    by_size = {KNOBS[name]: value for name, value in asdict(size_of(train)).items()}
    chosen = {knob: value for knob, value in by_size.items() if knob not in settings.model_fields_set}
    chosen |= {KNOBS[name]: value for name, value in options.items() if value is not None}
    if "decay_epochs" not in settings.model_fields_set:
        chosen["decay_epochs"] = chosen.get("max_epochs", settings.max_epochs)
    # A plain log has ids and their order, nothing beside them.
    chosen["side_features"] = False
    try:
        return RetrievalSettings.model_validate(settings.model_dump() | chosen)
    except ValidationError as error:
        wrong = error.errors()[0]
        option = {knob: name for name, knob in KNOBS.items()}.get(str(wrong["loc"][0]), str(wrong["loc"][0]))
        raise ArgumentsError(f"--{option.replace('_', '-')}: {wrong['msg']} (got {wrong['input']!r})") from error
