"""G4: the bundle is whole: files, digests, and tower and index of one training."""

from homefeed.verdict import Check, Verdict
from monitoring.decision import waiting
from monitoring.look import Look


def integrity(look: Look) -> list[Check]:
    """`bundle`: the loader took it. `live_bundle`: the one it is compared with can be loaded too; it passes alone
    where that is of another version of the code, and waits where it is damaged."""
    if look.candidate.bundle is None:
        return [Check("bundle", Verdict.FAIL, detail=look.candidate.refusal)]
    checks = [Check("bundle", Verdict.PASS, detail="every file is the one that the manifest names")]
    if look.alone:
        checks.append(Check("live_bundle", Verdict.PASS, detail=look.alone))
    if look.rival is not None and look.rival.bundle is None:
        checks.append(waiting("live_bundle", f"the live release cannot be compared with: {look.rival.refusal}"))
    return checks
