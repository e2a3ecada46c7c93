"""`homefeed watch` as a child: started next to the service, and started again when it ends by itself."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from homefeed.cli.supervisor import processes
from homefeed.settings import Settings
from homefeed.settings.environment import environment

COMMAND = (str(Path(sys.executable).with_name("homefeed")), "watch")
#: Least time between two starts: one that cannot run must not keep the machine busy.
_AGAIN_S = 30.0


class Watcher:
    """The watching process. That it ends stops nothing: viewers get their pages without it."""

    def __init__(
        self,
        settings: Settings,
        service_url: str,
        console: Console,
        remember: Callable[[processes.Session], None],
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._log = settings.var / "watch.log"
        self._environment = os.environ | environment(settings) | {"HOMEFEED_ALERTS__SERVICE_URL": service_url}
        self._console, self._remember, self._command = console, remember, command
        self._start()

    def _start(self) -> None:
        self._child, session = processes.start("watch", self._command, self._environment, self._log)
        self._started = time.monotonic()
        self._remember(session)

    def tend(self) -> None:
        """Start it again if it has ended."""
        if self._child.poll() is not None and time.monotonic() - self._started >= _AGAIN_S:
            self._console.print(
                f"watch ended by itself ({self._child.returncode}); its log is {self._log}; started again"
            )
            self._start()
