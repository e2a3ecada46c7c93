"""The Kubernetes tree, as far as it can be held without a cluster: names, ports, settings and secrets meet."""

import re
from typing import Any

import pytest
import yaml
from kubernetes_tree import (
    COMPONENTS,
    KUSTOMIZATION,
    NAME,
    OBJECTS,
    ROOT,
    TREE,
    VALUES,
    WORKLOADS,
    container,
    labels,
    named,
    of,
    patched_settings,
    pod,
    ports,
    secrets,
    variables,
)

from homefeed.settings import load

EACH = pytest.mark.parametrize("workload", WORKLOADS, ids=lambda made: made["metadata"]["name"])


def test_the_tree_is_whole_and_every_object_has_one_name() -> None:
    files = {file.name for file in TREE.glob("*.yaml")} - {"kustomization.yaml", "airflow-values.yaml"}
    assert files == set(KUSTOMIZATION["resources"])
    names = [(made["kind"], made["metadata"]["name"]) for made in OBJECTS]
    assert len(names) == len(set(names))
    assert all(made["apiVersion"] for made in OBJECTS)
    assert KUSTOMIZATION["namespace"] == named("Namespace", "homefeed")["metadata"]["name"]


@EACH
def test_a_workload_selects_its_own_pods_and_they_are_bounded_and_confined(workload: dict[str, Any]) -> None:
    assert workload["spec"]["selector"]["matchLabels"] == labels(workload) == {NAME: workload["metadata"]["name"]}
    resources = container(workload)["resources"]
    assert {"cpu", "memory"} <= resources["requests"].keys()
    assert "memory" in resources["limits"]
    assert pod(workload)["securityContext"]["runAsNonRoot"] is True
    assert pod(workload)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(workload)["securityContext"]["allowPrivilegeEscalation"] is False
    assert container(workload)["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@EACH
def test_what_a_pod_mounts_and_reads_is_there(workload: dict[str, Any]) -> None:
    spec, inside = pod(workload), container(workload)
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    volumes |= {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
    assert {mount["name"] for mount in inside["volumeMounts"]} <= volumes
    for volume in spec.get("volumes", []):
        if "persistentVolumeClaim" in volume:
            assert named("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
        if "configMap" in volume:
            assert named("ConfigMap", volume["configMap"]["name"])
        if "secret" in volume:
            keys = {item["key"] for item in volume["secret"]["items"]}
            assert keys <= secrets()[volume["secret"]["secretName"]]
    for source in inside.get("envFrom", []):
        if "secretRef" in source:
            assert source["secretRef"]["optional"], "the component may be left out"
            assert secrets()[source["secretRef"]["name"]] <= variables()
        else:
            assert named("ConfigMap", source["configMapRef"]["name"])
    for each in inside.get("env", []):
        reference = each.get("valueFrom", {}).get("secretKeyRef")
        assert reference is None or reference["key"] in secrets()[reference["name"]]
        assert not each["name"].startswith("HOMEFEED_") or each["name"] in variables(), each["name"]
    probes = [inside[name] for name in inside if name.endswith("Probe") and "httpGet" in inside[name]]
    assert {probe["httpGet"]["port"] for probe in probes} <= ports(workload).keys()
    assert {probe["httpGet"]["path"] for probe in probes} <= {"/readyz", "/livez"}


def test_a_component_adds_what_there_is_and_every_file_is_of_one() -> None:
    assert set(COMPONENTS) == {"object-store", "trainers"}
    for folder, component in COMPONENTS.items():
        assert component["kind"] == "Component"
        files = {file.name for file in (TREE / folder).glob("*.yaml")} - {"kustomization.yaml", "airflow-values.yaml"}
        assert files == set(component["resources"])
        for patch in component["patches"]:
            changed = yaml.safe_load(patch["patch"])
            assert patch["target"] == {"kind": changed["kind"], "name": changed["metadata"]["name"]}
            assert named(changed["kind"], changed["metadata"]["name"])


def test_trainers_have_the_addresses_that_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.trainers.job import worker_addresses

    for name, value in patched_settings().items():
        monkeypatch.setenv(name, value)
    trainer = named("StatefulSet", "homefeed-trainer")
    name, service = trainer["metadata"]["name"], trainer["spec"]["serviceName"]
    expected = [f"{name}-{n}.{service}:{ports(trainer)['trainer']}" for n in range(trainer["spec"]["replicas"])]
    assert list(worker_addresses(load())) == expected
    (address,) = container(trainer)["command"][2:]
    assert [address.replace("$(POD_NAME)", f"{name}-{n}") for n in range(len(expected))] == expected
    # The task's pod is reached by its address, at any port, and reaches the trainers so.
    policies = {made["metadata"]["name"]: made["spec"] for made in of("NetworkPolicy")}
    for policy, whom in (("homefeed-trainer", 2), ("airflow-trainers", 1)):
        (rule,) = policies[policy]["ingress"]
        assert "ports" not in rule
        assert len(rule["from"]) == whom


def test_every_variable_is_a_setting_and_its_value_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    given = patched_settings()
    assert set(given) <= variables()
    for name, value in given.items():
        assert isinstance(value, str), name
        monkeypatch.setenv(name, value)
    settings = load()
    service, shard = named("Deployment", "homefeed-service"), named("StatefulSet", "homefeed-shard")
    assert ports(service) == {"http": settings.serving.port}
    # One address for each shard, by the names that the headless service gives its pods.
    from serving.shards import addresses_of

    number, name = shard["spec"]["replicas"], shard["metadata"]["name"]
    assert settings.index.num_shards == number
    assert addresses_of(settings) == [
        (f"{name}-{n}.{shard['spec']['serviceName']}", ports(shard)["shard"]) for n in range(number)
    ]
    assert str(settings.var) in {mount["mountPath"] for mount in container(service)["volumeMounts"]}
    # A pod is out of its endpoints before it stops, and finishes before it is killed.
    probe = container(service)["readinessProbe"]
    noticed_s = probe["failureThreshold"] * (probe["periodSeconds"] + probe["timeoutSeconds"])
    assert settings.replicas.drain_s > noticed_s
    wait_s = settings.replicas.drain_s + settings.serving.graceful_s
    assert pod(service)["terminationGracePeriodSeconds"] > wait_s


@pytest.mark.parametrize("who", ["homefeed-service", "airflow"])
def test_features_have_a_server_each_and_its_database_is_made(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from feature_repo.store import configuration

    if who == "airflow":
        names = {each["envName"]: each["secretKey"] for each in VALUES["secret"]}
    else:
        given = container(named("Deployment", who))["env"]
        names = {each["name"]: each["valueFrom"]["secretKeyRef"]["key"] for each in given if "valueFrom" in each}
    held = named("ExternalSecret", "homefeed-secrets")["spec"]["target"]["template"]["data"]
    for name, value in patched_settings().items() | {
        (name, re.sub("{{.*?}}", "x", held[key])) for name, key in names.items()
    }:
        monkeypatch.setenv(name, value)
    settings = load()
    configured = configuration(settings)
    assert configured["online_store"]["type"] == "redis"
    created = named("ConfigMap", "homefeed-postgres-databases")["data"].values()
    databases = {"homefeed", *(statement.split()[2] for statement in created)}
    assert {value.rpartition("/")[2] for value in held.values() if value.startswith("postgresql")} == databases
    assert configured["registry"]["path"].rpartition("/")[2] in databases
    assert settings.storage.url
    assert settings.resolved_engine.kind == "spark"


def test_every_object_is_one_of_the_kubernetes_api() -> None:
    schemas = pytest.importorskip("kubernetes_validate")
    for made in OBJECTS:
        if made["kind"] != "ExternalSecret":
            schemas.validate(made, "1.34", strict=True)


def test_services_budgets_and_the_autoscaler_point_at_what_there_is() -> None:
    by_labels = {tuple(labels(workload).items()): workload for workload in WORKLOADS}
    for service in of("Service"):
        workload = by_labels[tuple(service["spec"]["selector"].items())]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports(workload).keys()
    for workload in of("StatefulSet"):
        assert named("Service", workload["spec"]["serviceName"])["spec"]["clusterIP"] == "None"
    for budget in of("PodDisruptionBudget"):
        assert tuple(budget["spec"]["selector"]["matchLabels"].items()) in by_labels
    scaler = named("HorizontalPodAutoscaler", "homefeed-service")["spec"]
    target = named(scaler["scaleTargetRef"]["kind"], scaler["scaleTargetRef"]["name"])
    assert "replicas" not in target["spec"], "applying the tree again would undo the autoscaler"
    assert 1 < scaler["minReplicas"] < scaler["maxReplicas"]


def test_nobody_is_reached_but_by_those_who_need_it() -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of("NetworkPolicy")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    names = {workload["metadata"]["name"] for workload in WORKLOADS}

    def callers(server: str) -> set[str]:
        found: set[str] = set()
        for rule in policies[server]["ingress"]:
            assert {port["port"] for port in rule["ports"]} <= ports(
                next(w for w in WORKLOADS if labels(w)[NAME] == server)
            ).keys()
            for source in rule["from"]:
                selector = source.get("podSelector", {})
                found |= {value for key, value in selector.get("matchLabels", {}).items() if key == NAME}
                found |= {v for e in selector.get("matchExpressions", []) if e["key"] == NAME for v in e["values"]}
                found |= {"airflow"} if selector.get("matchLabels") == {"tier": "airflow"} else set()
        return found

    assert callers("homefeed-redis") == {"homefeed-service", "airflow"}
    assert callers("homefeed-postgres") == {"homefeed-service", "homefeed-shard", "homefeed-watch", "airflow"}
    assert callers("homefeed-shard") == {"homefeed-service"}
    assert callers("homefeed-service") == {"homefeed-watch"}
    # Whoever reads a secret address of a server may reach it.
    for workload in WORKLOADS:
        read = {each["name"] for each in container(workload).get("env", [])}
        name = workload["metadata"]["name"]
        assert "HOMEFEED_REGISTRY_URL" not in read or name in callers("homefeed-postgres")
        assert "HOMEFEED_FEATURES__ONLINE_URL" not in read or name in callers("homefeed-redis")
    assert names == {f"homefeed-{part}" for part in ("service", "shard", "watch", "redis", "postgres", "trainer")}


def test_images_are_ours_with_a_recipe_or_have_a_version() -> None:
    ours = {image["name"]: image["newTag"] for image in KUSTOMIZATION["images"]}
    for workload in WORKLOADS:
        image = container(workload)["image"]
        if image in ours:
            assert (ROOT / "deploy" / "images" / f"{image.partition('/')[2]}.Dockerfile").is_file()
        else:
            assert re.fullmatch(r"[a-z]+:\d+(\.\d+)+", image), image
    assert ours[VALUES["defaultAirflowRepository"]] == VALUES["defaultAirflowTag"]
