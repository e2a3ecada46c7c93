"""Chromium without a window, told what to do over its debugging protocol."""

import base64
import contextlib
import itertools
import json
import subprocess
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--no-first-run", "--remote-debugging-port=0", "--hide-scrollbars", "about:blank",
)  # fmt: skip


class NavigatedError(Exception):
    """The page went away while it was asked: the next one can be."""


class Browser:
    """One tab.

    Attributes:
      complaints: exceptions of scripts and what the browser logged as an error, such as a broken content policy.
    """

    def __init__(self, chromium: str, profile: Path) -> None:
        self._process = subprocess.Popen(
            [chromium, f"--user-data-dir={profile}", *_FLAGS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        port_file = profile / "DevToolsActivePort"
        self.wait(lambda: port_file.exists() and len(port_file.read_text().splitlines()) == 2, "chromium did not start")
        port, path = port_file.read_text().splitlines()
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(connect(f"ws://127.0.0.1:{port}{path}", max_size=None, open_timeout=60))
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Accessibility"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._process.terminate()
        self._process.wait()

    def size(self, width: int, height: int, phone: bool = False) -> None:
        """Show the page on a screen of so many points."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def media(self, **features: str) -> None:
        """Prefer something, such as `prefers_color_scheme="dark"`."""
        told = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self._call("Emulation.setEmulatedMedia", features=told)

    def open(self, url: str) -> None:
        """Go to a page and wait until it has loaded."""
        self._call("Page.navigate", url=url)
        self.wait(lambda: self.run("document.readyState") == "complete" and self.run("location.href") != "about:blank")

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is waited for."""
        answer = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press a key, such as `Tab` (9) or `Enter` (13)."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def names(self, role: str) -> list[str]:
        """What a screen reader calls the things of a role on the page."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        mine = [node for node in nodes if not node.get("ignored") and node["role"]["value"] == role]
        return [node.get("name", {}).get("value", "") for node in mine]

    def picture(self, file: Path) -> None:
        """Write what is on the screen as PNG."""
        file.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def wait(self, happened: Any, why: str = "it did not happen") -> None:
        """Wait until `happened()`, or until the JavaScript expression, is true."""
        until = time.monotonic() + 60
        while not self._has(happened):
            assert time.monotonic() < until, (why, happened, self.complaints)
            time.sleep(0.05)

    def _has(self, happened: Any) -> bool:
        try:
            return bool(self.run(happened) if isinstance(happened, str) else happened())
        except NavigatedError:
            return False

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": number, "method": method, "params": params, **session}))
        while True:
            said = json.loads(self._socket.recv(timeout=60))
            if said.get("id") == number:
                if "navigated" in said.get("error", {}).get("message", ""):
                    raise NavigatedError
                assert "error" not in said, (method, said["error"])
                answer: dict[str, Any] = said["result"]
                return answer
            if said.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(said["params"]["exceptionDetails"]))
            elif said.get("method") == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
                self.complaints.append(said["params"]["entry"]["text"])
