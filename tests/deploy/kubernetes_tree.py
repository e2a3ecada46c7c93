"""The Kubernetes tree as it lies in `deploy/kubernetes`, with both components."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from homefeed.settings import Settings

ROOT = Path(__file__).parents[2]
TREE = ROOT / "deploy" / "kubernetes"
VALUES: dict[str, Any] = yaml.safe_load((TREE / "airflow-values.yaml").read_text())
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((TREE / "kustomization.yaml").read_text())
COMPONENTS: dict[str, dict[str, Any]] = {
    file.parent.name: yaml.safe_load(file.read_text()) for file in sorted(TREE.glob("*/kustomization.yaml"))
}
RESOURCES = [
    *KUSTOMIZATION["resources"],
    *(f"{folder}/{name}" for folder, component in COMPONENTS.items() for name in component["resources"]),
]
OBJECTS: list[dict[str, Any]] = [made for name in RESOURCES for made in yaml.safe_load_all((TREE / name).read_text())]
NAME = "app.kubernetes.io/name"


def of(*kinds: str) -> list[dict[str, Any]]:
    return [made for made in OBJECTS if made["kind"] in kinds]


def named(kind: str, name: str) -> dict[str, Any]:
    return next(made for made in of(kind) if made["metadata"]["name"] == name)


WORKLOADS = of("Deployment", "StatefulSet")


def labels(workload: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def container(workload: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod(workload)["containers"]
    return dict(only)


def ports(workload: dict[str, Any]) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container(workload).get("ports", [])}


def variables(group: type[BaseModel] = Settings, prefix: str = "HOMEFEED_") -> set[str]:
    """Every environment variable of the settings."""
    found: set[str] = set()
    for name, field in group.model_fields.items():
        kind = field.annotation
        key = f"{prefix}{name.upper()}"
        found |= variables(kind, f"{key}__") if isinstance(kind, type) and issubclass(kind, BaseModel) else {key}
    return found


def secrets() -> dict[str, set[str]]:
    """Secret -> its keys, as the secret store fills them."""
    return {
        made["spec"]["target"]["name"]: set(made["spec"]["target"]["template"]["data"]) for made in of("ExternalSecret")
    }


def patched_settings() -> dict[str, str]:
    """The settings with what both components add."""
    changes = [yaml.safe_load(patch["patch"]) for c in COMPONENTS.values() for patch in c["patches"]]
    added = [change["data"] for change in changes if change["metadata"]["name"] == "homefeed-settings"]
    return dict(item for data in (named("ConfigMap", "homefeed-settings")["data"], *added) for item in data.items())
