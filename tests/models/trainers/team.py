"""Trainers as processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from homefeed.cli.supervisor.preflight import free_port


class Team:
    """Trainers that learn one model together."""

    def __init__(self, folder: Path, script: str, mode: str, out: str = "{}.npz", num: int = 2, **told: object) -> None:
        """`script` runs as RANK JOB OUT MODE in `folder`; JOB has `addresses`, `var` and what else is `told`."""
        self._folder = folder
        told |= {"addresses": [f"127.0.0.1:{free_port()}" for _ in range(num)], "var": str(folder)}
        (folder / "job.json").write_text(json.dumps(told))
        self._children = [
            subprocess.Popen(
                [sys.executable, script, str(rank), "job.json", out.format(rank), mode],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for rank in range(num)
        ]

    def ended(self) -> list[tuple[int, str]]:
        """Exit code and output of each."""
        try:
            said = [child.communicate(timeout=120)[0] for child in self._children]
            return [(child.returncode, text) for child, text in zip(self._children, said, strict=True)]
        finally:
            for child in self._children:
                child.kill()

    def weights(self, rank: int) -> list[np.ndarray]:
        with np.load(self._folder / f"{rank}.npz") as found:
            return [found[name] for name in found.files]
