"""The service's code as a Bento, for a site that deploys with BentoML's own tools."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import yaml

from homefeed import VERSION
from homefeed.errors import HomefeedError
from homefeed.settings import Settings

NAME = "homefeed"
ROOT = Path(__file__).parents[1]
BENTOFILE = Path("deploy", "bentofile.yaml")
_MOST_S = 600.0
#: How the name of a folder begins in which a build works.
_WORK = "build-"
#: Versions that are made here; a Bento of another version in the store is somebody else's.
_OURS = re.compile(r".+-[0-9a-f]{12}")


class BentoError(HomefeedError):
    """A Bento or its image cannot be built; the message says which part is missing or what the builder said."""


@dataclass(frozen=True)
class Bento:
    """A Bento in the store.

    Attributes:
      tag: name and version, which changes with the code, the list of packages and BentoML.
      path: its folder.
      is_new: whether it was built by this call.
    """

    tag: str
    path: Path
    is_new: bool

    @property
    def dockerfile(self) -> Path:
        """The recipe of its image, whose context is `path`."""
        return self.path / "env" / "docker" / "Dockerfile"


def build_bento(settings: Settings, root: Path = ROOT) -> Bento:
    """Build the Bento of the code under `root`, or find the one that was built of the same code.

    It is `latest` in the store under `settings.bundles_path` afterwards; of those before, `serving.kept_bentos` stay.

    Raises:
      BentoError: a source is missing, or the service cannot be imported; the store is as it was.
    """
    kept = settings.bundles_path / "bentos" / NAME
    kept.mkdir(parents=True, exist_ok=True)
    _remove_killed(settings.bundles_path)
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=settings.bundles_path) as folder:
        # Built of a copy: what is told apart by the digest is what is inside, also when a file changes meanwhile.
        sources = Path(folder).absolute() / "sources"
        _copy(root, sources)
        digest = _digest(sources)
        version = f"{VERSION}-{digest[:12]}"
        path = kept / version
        is_new = not path.exists()
        if is_new:
            made = _build(sources, Path(folder).absolute() / "home", version, digest)
            try:
                # Whole or not at all: a folder that BentoML was killed over is never in the store.
                made.rename(path)
            except OSError:
                if not path.exists():
                    raise
                is_new = False  # another build of the same code was first
    os.utime(path)
    (kept / "latest").write_text(version)
    _remove_old(kept, path, settings.serving.kept_bentos)
    return Bento(f"{NAME}:{version}", path, is_new)


def _copy(root: Path, sources: Path) -> None:
    bentofile = root / BENTOFILE
    if not bentofile.is_file():
        raise BentoError(
            f"there is no {bentofile}: a Bento is built of the repository's files, which an installed package lacks; "
            "run this in a checkout (pip install --editable .) or in the platform image"
        )
    recipe: dict[str, Any] = yaml.safe_load(bentofile.read_text())
    for name in [str(BENTOFILE), recipe["python"]["requirements_txt"]]:
        if not (root / name).is_file():
            raise BentoError(f"there is no {root / name}, which {bentofile} asks for; restore it from the repository")
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, sources / name)
    for name in [pattern.removesuffix("/**") for pattern in recipe["include"]]:
        if not (root / name).is_dir():
            raise BentoError(f"there is no folder {root / name}, which {bentofile} includes; restore it")
        shutil.copytree(root / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))


def _digest(sources: Path) -> str:
    """SHA-256 of what the Bento is made of: names and contents, and the BentoML that writes its recipe."""
    whole = hashlib.sha256(version_of("bentoml").encode())
    for file in sorted(file for file in sources.rglob("*") if file.is_file()):
        name = file.relative_to(sources).as_posix()
        whole.update(f"\0{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return whole.hexdigest()


def _build(sources: Path, home: Path, version: str, digest: str) -> Path:
    """The folder that `bentoml build` makes in a store of its own; in a process, as it imports the service."""
    command = [sys.executable, "-m", "bentoml", "build", "--bentofile", str(BENTOFILE), "--version", version]
    command += ["--label", f"version={VERSION}", "--label", f"digest={digest}", "--output", "tag", "."]
    # The settings of whoever builds are not those of whoever serves, and BentoML would write some of them down.
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("HOMEFEED_", "BENTOML_"))}
    ours |= {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": str(sources)}
    try:
        done = subprocess.run(
            command, cwd=sources, env=ours, capture_output=True, text=True, timeout=_MOST_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BentoError(f"`bentoml build` took more than {_MOST_S:g} s: is the machine too busy?") from error
    made = home / "bentos" / NAME / version
    if done.returncode or not (made / "bento.yaml").is_file():
        raise BentoError(
            f"`bentoml build` of {NAME}:{version} failed with code {done.returncode}; mend the code and build again:\n"
            f"{last_said(done.stderr, done.stdout)}"
        )
    return made


def last_said(*outputs: str) -> str:
    """The last lines of the first of a builder's outputs that is not empty."""
    said = next((output.strip() for output in outputs if output.strip()), "it said nothing")
    return "\n".join(said.splitlines()[-12:])


def _remove_killed(folder: Path) -> None:
    """Remove what builds left that were killed: none works for so long."""
    for left in folder.glob(f"{_WORK}*"):
        if time.time() - left.stat().st_mtime > 2 * _MOST_S:
            shutil.rmtree(left, ignore_errors=True)


def _remove_old(kept: Path, newest: Path, num_before: int) -> None:
    ours = [path for path in kept.iterdir() if path.is_dir() and _OURS.fullmatch(path.name) and path != newest]
    for path in sorted(ours, key=lambda path: path.stat().st_mtime, reverse=True)[num_before:]:
        shutil.rmtree(path)
        image_note(path).unlink(missing_ok=True)


def image_note(bento: Path) -> Path:
    """The file that says which engine has built the image of the Bento in a folder."""
    return bento.parents[2] / "images" / bento.name
