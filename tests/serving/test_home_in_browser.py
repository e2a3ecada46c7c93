"""The home page as a browser shows it: a hundred cards with its buttons, and no script that fails."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.process import start

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, str(Path(__file__).parent / "stub_service.py"))
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--no-first-run", "--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom",
)  # fmt: skip


def test_the_home_page_in_a_browser(world: Any, tmp_path: Path, program: Callable[[str], str]) -> None:
    chromium = program("chromium")
    world.write_stub("r1")
    world.release("r1")
    with start(world.settings, 0, command=COMMAND) as service:
        done = subprocess.run(
            [chromium, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"{service.url}/?user=viewer-1"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    page = done.stdout
    cards = re.findall(r'<li class="card.*?</li>', page, re.DOTALL)
    assert len(cards) == 100
    assert all("Like" in card and "Not interested" in card for card in cards)
    assert "Picked for viewer-1" in page
    assert "r1" in page
    # Scripts that fail are logged by the browser as uncaught.
    assert "Uncaught" not in done.stderr
