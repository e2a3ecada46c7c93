"""The input contract asked before a training: what broke it is kept, and said in the task that did not train."""

import json

from homefeed.errors import HomefeedError
from homefeed.registry import open_registry
from homefeed.settings import Settings
from homefeed.verdict import Check, Verdict
from monitoring.gates.contract import contract
from monitoring.inputs import read_inputs

KIND = "contract"


class InputContractError(HomefeedError):
    """The windows to train on break the input contract, so no model is trained on them."""


def require_contract(settings: Settings, window: str) -> list[Check]:
    """Check the windows that end with `window` before a model is trained on them.

    A check that waits holds nothing: a young site has no earlier weeks, and must be able to train its first model.

    Args:
      settings: the settings tree.
      window: newest closed window that the training may see.

    Returns:
      The checks, which are kept in `reports/contract/<window>/checks.json` and in the registry as well.

    Raises:
      InputContractError: a check failed; the message names each and what to do.
    """
    checks = contract(read_inputs(settings, window), settings.rollout)
    file = settings.reports_path / KIND / window / "checks.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    told = [check.to_dict() for check in checks]
    file.write_text(json.dumps(told, indent=2))
    open_registry(settings.resolved_registry_url).add_report(KIND, window, "", file, {"checks": told})
    if failed := [check for check in checks if check.verdict is Verdict.FAIL]:
        named = "; ".join(f"{c.name} is {c.value:.4g} where {c.bound:.4g} is allowed ({c.detail})" for c in failed)
        raise InputContractError(
            f"no model is trained on the windows up to {window}: {named}. The live release keeps answering. Bring what "
            "is missing into the event log and ingest it, then clear this task; `homefeed docs` lists the bounds, "
            "HOMEFEED_ROLLOUT__MAX_EMPTY_WINDOWS and so on, for a site that was off on purpose"
        )
    return checks
