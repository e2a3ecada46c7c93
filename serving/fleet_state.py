"""The releases in memory as plain values: what `GET /v1/release` says of them."""

from collections.abc import Mapping
from typing import Any

from serving.fleet import Arm, Fleet


def fleet_state(fleet: Fleet, calibrated: Mapping[str, str]) -> dict[str, Any]:
    """What is live, in rollout, in shadow and in memory beside these, and what could not be loaded.

    Args:
      fleet: the releases.
      calibrated: release -> window of the calibrators that it answers with.
    """
    return {
        "live": _arm_state(fleet.live, calibrated),
        "rollout": [{**(_arm_state(arm, calibrated) or {}), "share": share} for arm, share in fleet.rollout],
        "shadow": [_arm_state(arm, calibrated) for arm in fleet.shadow],
        "retired": [_arm_state(arm, calibrated) for arm in fleet.retired],
        "failed": fleet.failed,
    }


def _arm_state(arm: Arm | None, calibrated: Mapping[str, str]) -> dict[str, Any] | None:
    if arm is None:
        return None
    manifest = arm.bundle.manifest
    return {
        "release": arm.release,
        "stage": arm.stage.value,
        "stale": arm.stale,
        "created": manifest.created,
        "windows": manifest.windows,
        "lake_versions": manifest.lake_versions,
        "metrics": manifest.metrics,
        "value_weights": manifest.value_weights,
        "calibrated": calibrated.get(arm.release),
        "code_version": manifest.code_version,
    }
