"""G3: the service ranks by the numbers that training would read."""

from homefeed.verdict import Check
from monitoring.decision import not_worse, waiting
from monitoring.gates.shadow import wilson
from monitoring.look import Look

#: Columns named in the detail.
_NAMED = 5


def parity(look: Look) -> list[Check]:
    """`feature_parity`: share of the logged feature vectors that differ from a recomputation for the same viewer, video
    and time; the columns that do are named. The features are the platform's, so those that any release was asked with
    since this one entered its stage count."""
    knobs, found = look.settings.rollout, look.parity
    num, least = len(found), knobs.min_parity_vectors
    if num < least:
        why = f"{num} of the {least} logged feature vectors it takes"
        if found.num_without:
            why += f"; {found.num_without} pages do not say what their snapshot was made from"
        return [waiting("feature_parity", why, num)]
    named = ", ".join(f"{name} ({number})" for name, number in found.worst[:_NAMED])
    bound = knobs.max_skew_share
    return [
        not_worse(
            "feature_parity",
            wilson(found.num_differing, num),
            fail_above=bound,
            pass_below=bound,
            num_samples=num,
            enough=(least, least),
            what=f"share of feature vectors that differ from training's{': ' + named if named else ''}",
        )
    ]
