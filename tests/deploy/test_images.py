"""An image carries its share of the one lock, and what it runs imports nothing else."""

import itertools
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "deploy" / "images"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
#: What the serving image runs, with everything that it imports only later.
SERVING = (
    "serving.__main__, serving.service, serving.shard_service, serving.bundle, models.bundle.load, "
    "models.bundle.shard, feature_repo.online, feature_repo.definitions, homefeed.registry, tensorflow, scann, "
    "psycopg, redis, feast.infra.online_stores.redis, feast.infra.online_stores.sqlite"
)
BLOCKED = """
import importlib.metadata, re, sys, warnings
warnings.simplefilter("ignore")
def plain(name): return re.sub(r"[-_.]+", "-", name).lower()
held = set(sys.argv[1].split(","))
lacking = {m for m, owners in importlib.metadata.packages_distributions().items()
           if not {plain(o) for o in owners} & held and not m.startswith("_")} - {"pip", "setuptools", "pkg_resources"}
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in lacking:
            raise ModuleNotFoundError(f"the image has no {name}")
sys.meta_path.insert(0, Blocked())
import %s
print("without", len(lacking))
"""


def pins(file: Path) -> dict[str, str]:
    """Package -> version of a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", file.read_text(), re.MULTILINE))


@pytest.mark.parametrize("image", ["serving", "platform"])
def test_an_image_has_a_share_of_the_one_lock_with_its_hashes(image: str) -> None:
    whole, share = pins(ROOT / "requirements.txt"), pins(IMAGES / f"{image}.txt")
    assert share.items() <= whole.items()
    lines = (IMAGES / f"{image}.txt").read_text().splitlines()
    assert all("--hash=sha256:" in after for line, after in itertools.pairwise(lines) if "==" in line)


def test_images_carry_what_they_need_and_not_what_they_do_not() -> None:
    serving, platform = pins(IMAGES / "serving.txt"), pins(IMAGES / "platform.txt")
    assert {"bentoml", "tensorflow", "scann", "feast", "redis", "psycopg"} <= serving.keys()
    assert not {name for name in serving if name.startswith("apache-airflow")}
    assert not {"evidently", "pyspark", "celery", "tensorflow-recommenders", "pytest"} & serving.keys()
    assert {"apache-airflow", "pyspark", "celery", "evidently", "tensorflow-recommenders"} <= platform.keys()
    assert not {"pytest", "moto", "ruff"} & platform.keys()


def test_a_group_asks_for_nothing_else_than_the_project() -> None:
    asked = {*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["cluster"]}
    assert set(PROJECT["dependency-groups"]["serving"]) <= asked


def test_what_the_serving_image_runs_imports_nothing_that_it_lacks(tmp_path: Path) -> None:
    held = ",".join([*pins(IMAGES / "serving.txt"), "homefeed"])
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED % SERVING, held],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "HOMEFEED_VAR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 50


@pytest.mark.parametrize("image", ["serving", "platform"])
def test_a_recipe_copies_what_there_is(image: str) -> None:
    recipe = (IMAGES / f"{image}.Dockerfile").read_text()
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", recipe, re.MULTILINE) for name in line.split()}
    assert {f"deploy/images/{image}.txt", "requirements.txt", "pyproject.toml"} <= copied
    assert all((ROOT / name).exists() for name in copied)
    # A builder is sent what is copied, and nothing else.
    everything, *sent = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert everything == "*"
    assert all(any(fnmatch("!" + name, line) for line in sent) for name in copied)
    assert "--require-hashes" in recipe
    assert "USER 10001" in recipe
    # The command `pip` of Airflow's base refuses root; a pod's root is read-only, so nothing is compiled later.
    assert not re.search(r"(?<!-m )(?<!uv )\bpip install", recipe)
    assert "--compile-bytecode" in recipe


def test_a_bento_is_what_the_serving_image_holds_and_the_platform_image_can_build_it() -> None:
    bentofile = yaml.safe_load((ROOT / "deploy" / "bentofile.yaml").read_text())
    serving, platform = ((IMAGES / f"{image}.Dockerfile").read_text() for image in ("serving", "platform"))
    folders = set(re.findall(r"^COPY (\w+) \1$", serving, re.MULTILINE))
    assert set(bentofile["include"]) == {f"{folder}/**" for folder in folders}
    assert bentofile["python"] == {"requirements_txt": "deploy/images/serving.txt", "lock_packages": False}
    for name in ("deploy/bentofile.yaml", "deploy/images/serving.txt", *folders):
        assert f"\nCOPY {name} {name}\n" in platform
    # BentoML asks for uv, and would install what it does not find.
    assert "uv" in pins(IMAGES / "platform.txt")


def test_make_images_names_both_as_the_kubernetes_tree_does() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "images", "ENGINE=podman", "REGISTRY=registry.site/"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    tags = re.findall(r"^podman build --file (\S+) --tag registry.site/(\S+) \.$", done.stdout, re.MULTILINE)
    wanted = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "kustomization.yaml").read_text())["images"]
    assert {tag for _, tag in tags} == {f"{image['name']}:{image['newTag']}" for image in wanted}
    assert {file for file, _ in tags} == {str(file.relative_to(ROOT)) for file in IMAGES.glob("*.Dockerfile")}
