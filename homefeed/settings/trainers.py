"""Knobs of trainings in which several processes take part."""

from homefeed.settings.group import Group, knob


class TrainerSettings(Group):
    """Training on several workers."""

    workers: str = knob(
        "",
        "Processes of `homefeed trainer` that take part in each training of a model, `host:port` each with commas "
        "between; empty trains in the process of the task alone.",
    )
    chief: str = knob(
        "",
        "Address, `host:port`, under which they reach the process of the task; empty is this machine's name and a "
        "free port.",
    )
    wait_s: float = knob(120.0, "A training waits this long for its workers, then fails.", "s", gt=0)
    queue_s: float = knob(
        1_200.0,
        "The trainings of the two models take turns with the workers: one waits this long for the other, then fails.",
        "s",
        gt=0,
    )
    poll_s: float = knob(1.0, "How often a worker looks for a training.", "s", gt=0)
    timeout_s: float = knob(
        600.0,
        "A step that waits for another trainer for longer than this fails; one that has died is noticed at once.",
        "s",
        gt=0,
    )
    checkpoint_steps: int = knob(
        500,
        "Steps of a training after which it notes where it is, so that after a kill it goes on from there; 0 notes "
        "nothing.",
        "steps",
        ge=0,
    )
    owned_rows: int = knob(
        0,
        "A table of the ranker with at least so many rows is divided among the trainers: each holds and updates its "
        "part of the rows, and sends the others what they read. 0 divides none: every trainer holds all tables.",
        "rows",
        ge=0,
    )
