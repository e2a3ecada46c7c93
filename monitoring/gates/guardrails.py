"""The live release, looked at every window: what would take it off the site."""

import numpy as np
import pyarrow.compute as pc

from homefeed.verdict import Check
from monitoring.decision import not_worse, waiting
from monitoring.gates.shadow import wilson
from monitoring.look import Look

#: Fewer pages in an hour say nothing about a share of a few percent.
_LEAST_PAGES = 100
#: Degraded parts that the release itself is to blame for.
_OWN_PARTS = ("ranker", "two_tower", "more_like")


def guardrails(look: Look) -> list[Check]:
    """`live_errors`: share of the pages that failed, or that went without the release's own models."""
    bound = look.settings.rollout.max_live_error_share
    rows = look.serving_rows("requests")
    rows = rows.filter(pc.equal(rows["release"], look.release.id))
    num = rows.num_rows
    if num < _LEAST_PAGES:
        return [waiting("live_errors", f"{num} of the {_LEAST_PAGES} pages it takes", num)]
    parts, owners = rows["degraded"].combine_chunks(), np.zeros(num, bool)
    owners[pc.list_parent_indices(parts).to_numpy()[np.isin(parts.flatten().to_pylist(), _OWN_PARTS)]] = True
    failed = owners | pc.not_equal(rows["error"], "").to_numpy(zero_copy_only=False)
    harm = wilson(int(failed.sum()), num)
    return [
        not_worse(
            "live_errors",
            harm,
            fail_above=bound,
            pass_below=bound,
            num_samples=num,
            enough=(_LEAST_PAGES, _LEAST_PAGES),
            what="share of failed pages",
        )
    ]
