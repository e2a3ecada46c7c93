"""The service's code as a Bento: built, told apart by its content, and served with nothing else of ours."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bento_tree
import httpx
import pytest
import yaml
from tiny_site import video_id

from homefeed import VERSION
from homefeed.cli.bento import command
from homefeed.cli.supervisor.preflight import free_port
from homefeed.settings import Settings, load
from homefeed.settings.environment import environment
from serving.bento import Bento, BentoError, build_bento
from serving.bento_image import build_image

SAID = "A page of videos for a viewer, best first."
ALTERED = "A page that the code of the Bento describes."
LOCK = bento_tree.ROOT / "deploy" / "images" / "serving.txt"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources of their own: a running service says by one sentence that it is theirs."""
    made = bento_tree.copy_tree(tmp_path_factory.mktemp("bento") / "tree")
    bento_tree.replace_in(made / "serving" / "service.py", SAID, ALTERED)
    bento_tree.replace_in(made / "serving" / "openapi.py", "Pages of videos, and", f"{ALTERED} Pages of videos, and")
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load(var=tmp_path_factory.mktemp("store") / "var")


@pytest.fixture(scope="module")
def built(tree: Path, store: Settings) -> Bento:
    with pytest.MonkeyPatch.context() as patch:
        # Neither the settings nor the store of whoever builds get into it.
        patch.setenv("HOMEFEED_SERVING__TIMEOUT_S", "77")
        patch.setenv("BENTOML_HOME", str(store.var / "elsewhere"))
        return build_bento(store, tree)


def names(store: Settings) -> set[str]:
    """What is in the store beside the pointer to the newest."""
    return {path.name for path in (store.bundles_path / "bentos" / "homefeed").iterdir()} - {"latest"}


@pytest.mark.slow
def test_a_bento_is_the_code_its_packages_and_a_recipe(built: Bento, store: Settings, tree: Path) -> None:
    assert re.fullmatch(rf"homefeed:{re.escape(VERSION)}-[0-9a-f]{{12}}", built.tag)
    assert built.is_new
    assert not (store.var / "elsewhere").exists()
    assert {path.name for path in store.bundles_path.iterdir()} == {"bentos"}, "the store that it was built in is gone"

    inside = {path.relative_to(built.path / "src").as_posix() for path in (built.path / "src").rglob("*.*")}
    wanted = {
        file.relative_to(tree).as_posix()
        for package in bento_tree.PACKAGES
        for file in (tree / package).rglob("*.*")
        if "__pycache__" not in file.parts
    }
    assert {name for name in inside if (built.path / "src" / name).is_file()} == wanted | {"bentofile.yaml"}

    info = yaml.safe_load((built.path / "bento.yaml").read_text())
    assert info["labels"]["version"] == VERSION
    assert built.tag.endswith(info["labels"]["digest"][:12])
    assert info["models"] == []
    assert info["services"][0]["config"]["traffic"]["timeout"] == store.serving.timeout_s
    assert "HOMEFEED_REGISTRY_URL" in (built.path / "README.md").read_text()
    assert (built.path / "apis" / "openapi.yaml").exists()


@pytest.mark.slow
def test_its_packages_are_those_of_the_lock_with_their_hashes(built: Bento) -> None:
    def lines(file: Path) -> list[str]:
        return [line for line in file.read_text().splitlines() if line and not line.lstrip().startswith("#")]

    held = lines(built.path / "env" / "python" / "requirements.txt")
    # BentoML names itself once more, without its hashes; the first line of it has them, and uv checks what has.
    assert held.pop() == next(line for line in held if line.startswith("bentoml==")).removesuffix(" \\")
    assert [line.replace(" ", "") for line in held] == [line.replace(" ", "") for line in lines(LOCK)]


@pytest.mark.slow
def test_its_image_has_no_compiler_and_a_user_who_owns_var(built: Bento) -> None:
    recipe = built.dockerfile.read_text()
    assert re.findall(r"^FROM (\S+)", recipe, re.MULTILINE) == ["python:3.11-slim-bookworm"]
    assert not re.search(r"apt-get|build-essential|\bgit\b", recipe)
    assert "uv venv --python 3.11 " in recipe
    assert "ARG HOMEFEED_VAR=/home/bentoml/var" in recipe
    own = recipe.index("chown bentoml:bentoml /home/bentoml/var")
    assert recipe.index("useradd") < own < recipe.index("\nUSER bentoml")
    assert "ARG BENTO_USER_UID=1034" in recipe


@pytest.mark.slow
def test_the_same_code_is_built_once(built: Bento, store: Settings, tree: Path) -> None:
    before = (built.path / "bento.yaml").stat().st_mtime_ns
    again = build_bento(store, tree)
    assert (again.tag, again.path, again.is_new) == (built.tag, built.path, False)
    assert (built.path / "bento.yaml").stat().st_mtime_ns == before


@pytest.fixture
def served(built: Bento, world: Any, tmp_path: Path) -> Iterator[str]:
    """Address of the Bento, served from another folder by a Python that has nothing of ours installed."""
    (tmp_path / "elsewhere").mkdir()
    port = free_port()
    log = tmp_path / "served.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", str(built.path), "--host", "127.0.0.1", "--port", str(port)],
            cwd=tmp_path / "elsewhere",
            env={name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
            | environment(world.settings)
            | {
                "PYTHONPATH": bento_tree.python_without_ours(tmp_path / "site"),
                "BENTOML_HOME": str(tmp_path / "home"),
                "BENTOML_DO_NOT_TRACK": "True",
            },
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
    try:
        while True:
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            try:
                if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        yield url
    finally:
        child.terminate()
        try:
            child.wait(30)
        finally:
            # Its workers too, whatever became of it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@pytest.mark.slow
def test_it_is_served_by_its_own_code_and_by_no_other(served: str) -> None:
    page = httpx.post(f"{served}/v1/recommend", json={"user": "viewer-1", "num": 7}, timeout=30)
    assert page.status_code == 200, page.text
    assert len(page.json()["videos"]) == 7
    assert page.json()["release"] == "", "nothing is live"
    assert page.json()["videos"][0]["video"] in {video_id(i) for i in range(400)}
    assert httpx.get(f"{served}/docs.json", timeout=30).json()["info"]["description"].startswith(ALTERED)


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built has nothing in it: what the store does with it takes no time."""

    def build(sources: Path, home: Path, version: str, digest: str) -> Path:
        made = home / version
        made.mkdir(parents=True)
        return made

    monkeypatch.setattr("serving.bento._build", build)


@pytest.mark.usefixtures("empty")
def test_other_code_is_another_bento_and_the_old_ones_go(tree: Path, tmp_path: Path) -> None:
    store = load(var=tmp_path / "var", serving={"kept_bentos": 1})
    kept = store.bundles_path / "bentos" / "homefeed"
    for age, name in enumerate(("0.0.1-00000000000a", "0.0.1-00000000000b", "by-hand")):
        (kept / name).mkdir(parents=True)
        os.utime(kept / name, (1_000_000 + age, 1_000_000 + age))
    other = tmp_path / "other"
    shutil.copytree(tree, other)
    first = build_bento(store, other)
    assert first.is_new
    assert names(store) == {first.path.name, "0.0.1-00000000000b", "by-hand"}
    assert (kept / "latest").read_text() == first.path.name
    bento_tree.replace_in(other / "models" / "__init__.py", '"""', '"""Altered: ')
    second = build_bento(store, other)
    bento_tree.replace_in(other / "deploy" / "images" / "serving.txt", "a2wsgi==", "# another list\na2wsgi==")
    third = build_bento(store, other)
    assert len({first.tag, second.tag, third.tag}) == 3
    assert names(store) == {third.path.name, second.path.name, "by-hand"}


@pytest.mark.slow
def test_code_that_cannot_be_imported_leaves_no_bento(
    store: Settings, built: Bento, tree: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tree, broken)
    (broken / "serving" / "paths.py").write_text("import a_package_that_nobody_has\n")
    before = names(store)
    with pytest.raises(BentoError, match="failed with code 1.*mend the code(?s:.*)a_package_that_nobody_has"):
        build_bento(store, broken)
    assert names(store) == before
    assert {path.name for path in store.bundles_path.iterdir()} == {"bentos"}


def test_what_a_killed_build_left_goes_and_what_another_works_in_stays(settings: Settings, tmp_path: Path) -> None:
    killed, working = settings.bundles_path / "build-killed", settings.bundles_path / "build-working"
    for folder in (killed, working):
        (folder / "sources").mkdir(parents=True)
    os.utime(killed, (1_000_000, 1_000_000))
    with pytest.raises(BentoError):
        build_bento(settings, tmp_path)
    assert not killed.exists()
    assert working.exists()


def test_a_package_without_its_repository_cannot_be_built(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BentoError, match="no .*deploy/bentofile.yaml.*in a checkout .* or in the platform image"):
        build_bento(settings, tmp_path)
    (tmp_path / "deploy").mkdir()
    shutil.copyfile(bento_tree.ROOT / "deploy" / "bentofile.yaml", tmp_path / "deploy" / "bentofile.yaml")
    with pytest.raises(BentoError, match="no .*deploy/images/serving.txt, which .*bentofile.yaml asks for"):
        build_bento(settings, tmp_path)
    (tmp_path / "deploy" / "images").mkdir()
    (tmp_path / "deploy" / "images" / "serving.txt").write_text("")
    with pytest.raises(BentoError, match="no folder .*homefeed, which .*bentofile.yaml includes"):
        build_bento(settings, tmp_path)
    assert names(settings) == set()


ENGINE = """#!/bin/sh
echo "$@" >> {log}
echo step 1 of 1
exit {code}
"""


def engine(folder: Path, code: int) -> str:
    """A program that is called as docker is, notes its arguments and ends with a code."""
    program = folder / f"engine-{code}"
    program.write_text(ENGINE.format(log=folder / "called", code=code))
    program.chmod(0o755)
    return str(program)


def test_an_image_is_built_by_the_named_engine_once(settings: Settings, tmp_path: Path) -> None:
    path = settings.bundles_path / "bentos" / "homefeed" / "1-00000000000a"
    path.mkdir(parents=True)
    bento = Bento("homefeed:1-00000000000a", path, True)

    def by(name: str) -> Settings:
        return load(var=settings.var, serving={"bento_engine": name})

    with pytest.raises(BentoError, match="set HOMEFEED_SERVING__BENTO_ENGINE to docker, podman or buildah"):
        build_image(settings, bento)
    with pytest.raises(BentoError, match="no program 'no-such-engine'"):
        build_image(by("no-such-engine"), bento)
    with pytest.raises(BentoError, match="failed with code 3:\nstep 1 of 1"):
        build_image(by(engine(tmp_path, 3)), bento)
    good = by(engine(tmp_path, 0))
    assert [build_image(good, bento), build_image(good, bento)] == [True, False]
    asked = f"build --file {path}/env/docker/Dockerfile --tag homefeed:1-00000000000a {path}"
    assert (tmp_path / "called").read_text().splitlines() == [asked, asked], "one by each engine"


@pytest.mark.usefixtures("empty")
def test_the_command_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOMEFEED_VAR", str(tmp_path / "my var"))
    command()
    said = capsys.readouterr().out.splitlines()
    assert " is built, in " in said[0]
    tag, home = said[0].split()[0], f"BENTOML_HOME='{tmp_path}/my var/bentoml'"
    assert said[1].endswith(f"{home} bentoml containerize {tag}")
    assert said[2].endswith(f"{home} bentoml export {tag} .")
    assert said[3].endswith(f"HOMEFEED_VAR='{tmp_path}/my var' {home} bentoml serve {tag}")
    command(as_json=True)
    again = json.loads(capsys.readouterr().out)
    assert (again["tag"], again["new"]) == (tag, False)
