"""`python -m serving`: the service in this one process, on the configured port or on an inherited socket."""

import argparse
import faulthandler
import os
import signal
import socket
import sys
import threading

from homefeed.errors import HomefeedError
from homefeed.settings import load

_SWITCH_S = 0.001


def main() -> None:
    """Serve until a signal, or until the process that started this one is gone."""
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("--fd", type=int, help="an inherited, bound socket to listen on, instead of host and port")
    parser.add_argument("--follow-stdin", action="store_true", help="stop when standard input ends: the parent is gone")
    arguments = parser.parse_args()
    # A crash inside a native library leaves the stack of every thread in the log.
    faulthandler.enable()
    settings = load()
    # Read while BentoML and the Prometheus client are imported. One process needs no files to share its figures by:
    # each of forty updates of a page would be written to one.
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    os.environ["BENTOML_HOME"] = str(settings.bundles_path.absolute())
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    # Read when TensorFlow is imported, with the first release: preparing a snapshot leaves the other cores to pages.
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    settings.bundles_path.mkdir(parents=True, exist_ok=True)

    import uvicorn
    from bentoml._internal.configuration.containers import BentoMLContainer
    from bentoml._internal.server.metrics.prometheus import PrometheusClient
    from prometheus_client import disable_created_metrics

    from serving.admission import Admission
    from serving.connections import KEEP_ALIVE_S, OneWriteProtocol
    from serving.draining import Draining
    from serving.request_id import RequestId
    from serving.retry_after import RetryAfter
    from serving.service import Homefeed

    BentoMLContainer.metrics_client.set(PrometheusClient(multiproc=False))
    disable_created_metrics()  # type: ignore[no-untyped-call]
    listening = (
        _socket(settings.serving.host, settings.serving.port)
        if arguments.fd is None
        else socket.socket(fileno=arguments.fd)
    )
    if arguments.follow_stdin:
        threading.Thread(target=_follow_stdin, daemon=True).start()
    # uvicorn finishes its requests and then raises the signal again; by default that would end us before cleaning up.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    # The thread that takes requests gets the interpreter's lock this soon from those that make pages.
    sys.setswitchinterval(_SWITCH_S)
    draining = Draining(Homefeed.to_asgi(is_main=True), settings.replicas.drain_s)
    config = uvicorn.Config(
        # BentoML answers "too many requests" and "too late" outside of the middleware that it was given.
        RequestId(RetryAfter(Admission(draining, settings.serving.max_pages), settings.serving.retry_after_s)),
        http=OneWriteProtocol,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.serving.graceful_s,
        server_header=False,
        access_log=False,
    )
    server = uvicorn.Server(config)
    server.handle_exit = draining.before(server.handle_exit)  # type: ignore[method-assign]
    server.run(sockets=[listening])


def _socket(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise HomefeedError(
            f"cannot listen on {host}:{port}: {error.strerror}; set HOMEFEED_SERVING__PORT to a free port"
        ) from error


def _follow_stdin() -> None:
    # Not through `sys.stdin`: its lock, held by this thread for ever, would abort the interpreter at its end.
    while os.read(0, 4096):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    try:
        main()
    except HomefeedError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
