"""A tree that a Bento is built from, and a Python that has the packages of an image and none of our code."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("homefeed", "feature_repo", "models", "serving")
#: Run when an interpreter starts: the editable install of these tests must not help out.
_NOT_INSTALLED = """
import importlib.metadata, sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
sys.path[:] = [entry for entry in sys.path if entry != {root!r}]
_find = importlib.metadata.Distribution.from_name.__func__
@classmethod
def from_name(cls, name):
    if name == "homefeed":
        raise importlib.metadata.PackageNotFoundError(name)
    return _find(cls, name)
importlib.metadata.Distribution.from_name = from_name
"""


def copy_tree(to: Path) -> Path:
    """A tree with what a Bento is built from, and with what must not get into one."""
    for package in (*PACKAGES, "monitoring", "dags"):
        shutil.copytree(ROOT / package, to / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("deploy/bentofile.yaml", "deploy/images/serving.txt", "pyproject.toml", "README.md"):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, to / name)
    for folder in ("serving/__pycache__", "tests", "var/events", ".venv"):
        (to / folder).mkdir(parents=True)
        (to / folder / "left.pyc").write_text("not code")
    return to


def replace_in(file: Path, old: str, new: str) -> None:
    """Change a source."""
    text = file.read_text()
    assert old in text, file
    file.write_text(text.replace(old, new, 1))


def python_without_ours(folder: Path) -> str:
    """A `PYTHONPATH` under which an interpreter finds our code only where it is told to look."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_NOT_INSTALLED.format(root=str(ROOT)))
    return str(folder)
