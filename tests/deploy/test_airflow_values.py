"""What Airflow's chart is given: versions, secrets and settings of the tree, and pods that its namespace takes."""

from importlib.util import find_spec

import yaml
from kubernetes_tree import ROOT, TREE, VALUES, named, pod, secrets, variables


def test_airflow_runs_the_version_of_the_lock_with_the_settings_of_the_others() -> None:
    assert f"apache-airflow=={VALUES['airflowVersion']}" in (ROOT / "requirements.txt").read_text()
    assert VALUES["airflowVersion"] in (ROOT / "deploy" / "images" / "platform.Dockerfile").read_text()
    known = secrets()
    assert "connection" in known[VALUES["data"]["metadataSecretName"]] & known[VALUES["data"]["brokerUrlSecretName"]]
    assert {"fernet-key", "jwt-secret", "api-secret-key"} <= known["homefeed-secrets"]
    for each in VALUES["secret"]:
        assert each["secretKey"] in known[each["secretName"]]
        assert each["envName"].startswith("AIRFLOW__") or each["envName"] in variables()
    settings, store = yaml.safe_load(VALUES["extraEnvFrom"])
    assert named("ConfigMap", settings["configMapRef"]["name"])
    assert store["secretRef"]["name"] in known
    assert VALUES["config"]["core"]["dags_folder"].startswith("/opt/homefeed/src")
    assert (ROOT / VALUES["config"]["core"]["plugins_folder"].removeprefix("/opt/homefeed/src/")).is_dir()


def test_airflow_s_chart_makes_the_pools_and_its_workers_take_every_queue() -> None:
    from dags.defaults import INGEST, SERVE, TRAIN

    assert VALUES["scheduler"]["args"][-1] == "python -m homefeed.cli.airflow_pools && exec airflow scheduler"
    assert VALUES["workers"]["celery"]["args"][-1].split(" --queues ")[1].split(",") == [INGEST, TRAIN, SERVE]
    assert VALUES["config"]["operators"]["default_queue"] == SERVE


def test_pods_of_the_chart_are_what_the_namespace_takes_with_the_user_of_the_others() -> None:
    labels = named("Namespace", "homefeed")["metadata"]["labels"]
    assert labels == {"pod-security.kubernetes.io/enforce": "restricted"}
    # The chart's own contexts are refused there: they do not say that the user is not root, nor a seccomp profile.
    assert VALUES["securityContexts"]["pod"] == pod(named("Deployment", "homefeed-service"))["securityContext"]


def test_people_log_in_by_what_the_image_carries_with_one_file_of_passwords() -> None:
    core, (mount,) = VALUES["config"]["core"], VALUES["volumeMounts"]
    assert find_spec(core["auth_manager"].rpartition(".")[0])
    assert core["simple_auth_manager_passwords_file"].rpartition("/")[0] == mount["mountPath"]
    # It makes users of Flask-AppBuilder.
    assert VALUES["createUserJob"] == {"enabled": False}


def test_a_worker_tells_trainers_the_address_of_its_pod() -> None:
    values = yaml.safe_load((TREE / "trainers" / "airflow-values.yaml").read_text())
    address, chief = yaml.safe_load(values["extraEnv"])
    assert address == {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    assert chief["name"] in variables()
    assert chief["value"].split(":")[0] == "$(POD_IP)"
