"""Knobs of replicas of the service behind HAProxy."""

from homefeed.settings.group import Group, knob


class ReplicaSettings(Group):
    """Replicas of the service behind HAProxy."""

    addresses: str = knob(
        "",
        "Replicas of the service, `host:port` each with commas between; empty is the one at `serving.host` and "
        "`serving.port`.",
    )
    host: str = knob("127.0.0.1", "Address that HAProxy listens on.")
    port: int = knob(8000, "Port that HAProxy takes requests on.", gt=0, le=65535)
    metrics_port: int = knob(8404, "Port of HAProxy's own Prometheus metrics.", gt=0, le=65535)
    max_connections: int = knob(4096, "Connections of callers at once; more wait in the kernel.", gt=0)
    check_s: float = knob(1.0, "How often HAProxy asks each replica whether it is ready.", "s", gt=0)
    check_timeout_s: float = knob(
        2.0, "A replica that takes longer to say that it is ready counts as not ready.", "s", gt=0
    )
    check_failures: int = knob(2, "Answers in a row other than ready after which a replica gets no new request.", gt=0)
    slow_start_s: float = knob(20.0, "A replica that came back gets its full share only after this time.", "s", ge=0)
    retries: int = knob(3, "Attempts after the first one for a request that no replica answered.", ge=0)
    buffer_kib: int = knob(
        64,
        "Larger requests are not kept, so they are not tried again; HAProxy takes two of these for each connection.",
        "KiB",
        ge=16,
    )
    drain_s: float = knob(
        0.0,
        "How long a replica that is asked to stop says that it is not ready and goes on answering; behind a balancer, "
        "longer than `check_s` times `check_failures`.",
        "s",
        ge=0,
    )
