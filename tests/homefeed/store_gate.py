"""A gate before an S3-compatible server: lets requests through, and refuses those that a test names with 403.

It is a process of its own: delta-rs keeps Python's lock while it waits for some answers, so one of the same process
could never give them.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_CONTROL = "/-gate"


class Gate:
    """What the gate did, and what it refuses."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def refuse(self, pattern: str) -> None:
        """Refuse requests whose `METHOD /path?query` holds this regular expression; an empty one refuses none."""
        httpx.put(self.endpoint + _CONTROL, content=pattern.encode()).raise_for_status()

    def written(self) -> list[str]:
        """Paths of the objects that were written since the last call."""
        seen = json.loads(httpx.get(self.endpoint + _CONTROL).content)
        return [line.removeprefix("PUT ").split("?")[0] for line in seen if line.startswith("PUT ")]


@contextmanager
def gate_before(endpoint: str) -> Iterator[Gate]:
    """A gate on a port of its own, until the block ends."""
    with subprocess.Popen([sys.executable, __file__, endpoint], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Gate(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    refused, seen = "", list[str]()
    client = httpx.Client(timeout=60)

    def log_message(self, *_: object) -> None:
        pass

    def _pass(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        line = f"{self.command} {self.path}"
        if self.path == _CONTROL:
            status, headers, body = 200, {}, json.dumps(_Handler.seen).encode()
            _Handler.seen = []
            if self.command == "PUT":
                _Handler.refused = content.decode()
        elif _Handler.refused and re.search(_Handler.refused, line):
            status, headers, body = 403, {"content-type": "application/xml"}, _DENIED
        else:
            _Handler.seen.append(line)
            sent = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
            sent["accept-encoding"] = "identity"
            answer = self.client.request(self.command, sys.argv[1] + self.path, headers=sent, content=content)
            status, headers, body = answer.status_code, dict(answer.headers), answer.content
        self.send_response(status)
        for name, value in headers.items():
            if name not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        length = headers.get("content-length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("content-length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815  # names of the standard library


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
