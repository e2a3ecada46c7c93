"""HAProxy's configuration for the replicas of the service, from the settings: `homefeed deploy haproxy`.

Health is `/readyz`, so a replica that still loads, and one that is asked to stop (`serving.draining`), gets no new
request. Which call may be given to a second replica, when the first one went away before it answered: a page (asking
again makes another page, and the first one is seen by nobody), a batch of events (an `event_id` counts once) and every
GET. Not a turn of a knob, which would be in the history twice.
"""

from homefeed.address import host_and_port
from homefeed.errors import HomefeedError
from homefeed.settings import Settings

_ONCE = "/knobs/"
_CONFIGURATION = """\
# Made by `homefeed deploy haproxy` from the settings; change those and make it again.
global
    maxconn {max_connections}
    tune.bufsize {buffer_bytes}
    log stdout format raw local0 notice

defaults
    mode http
    log global
    option dontlognull
    option forwardfor
    # Tried again is only what was kept whole.
    option http-buffer-request
    option redispatch 1
    retries {retries}
    retry-on conn-failure empty-response
    timeout http-request 10s
    timeout client 60s
    timeout connect 1s
    timeout queue 1s
    timeout check {check_timeout_ms}ms
    # The service answers 504 before this.
    timeout server {server_ms}ms
    http-error status 502 content-type application/json string \
'{{"error": "the replica that had the request went away; send it again"}}' hdr Retry-After {retry_after_s}
    http-error status 503 content-type application/json string \
'{{"error": "no replica of the service is ready"}}' hdr Retry-After {retry_after_s}

frontend homefeed
    bind {host}:{port}
    # Figures are a replica's own: Prometheus asks each of them.
    http-request deny deny_status 404 if {{ path /metrics }}
    http-request disable-l7-retry if {{ path_sub {once} }}
    default_backend replicas

backend replicas
    balance leastconn
    option httpchk
    http-check send meth GET uri /readyz
    http-check expect status 200
    # A refused connection says enough: without this, a replica just killed is the one with the fewest connections, and
    # all of a request's attempts may be at it.
    default-server check inter {check_ms}ms fall {check_failures} rise 1 maxconn {max_concurrency}{slow_start} \
observe layer4 error-limit 1 on-error mark-down
{servers}

frontend metrics
    bind {host}:{metrics_port}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request deny deny_status 404
"""


class ReplicasError(HomefeedError):
    """The replicas cannot be put behind a balancer as they are set; the message names the setting."""


def addresses_of(settings: Settings) -> list[str]:
    """`host:port` of each replica, in order. Raises ReplicasError."""
    serving, given = settings.serving, settings.replicas.addresses
    found = [address.strip() for address in given.split(",")] if given else [f"{serving.host}:{serving.port}"]
    for address in found:
        if host_and_port(address) is None:
            raise ReplicasError(
                f"{address!r} is no replica; HOMEFEED_REPLICAS__ADDRESSES is like 10.0.0.1:3000,10.0.0.2:3000"
            )
    if len(set(found)) < len(found):
        raise ReplicasError(f"HOMEFEED_REPLICAS__ADDRESSES names a replica twice: {given}")
    return found


def configuration(settings: Settings) -> str:
    """The file that HAProxy is started with.

    Raises:
      ReplicasError: an address is none, or a replica would stop before HAProxy notices that it is about to.
    """
    own = settings.replicas
    noticed_s = own.check_s * own.check_failures
    if 0 < own.drain_s <= noticed_s:
        raise ReplicasError(
            f"a replica drains for {own.drain_s:g} s but HAProxy notices it after {noticed_s:g} s; "
            "raise HOMEFEED_REPLICAS__DRAIN_S"
        )
    servers = [f"    server replica-{number} {address}" for number, address in enumerate(addresses_of(settings), 1)]
    return _CONFIGURATION.format(
        max_connections=own.max_connections,
        buffer_bytes=own.buffer_kib * 1024,
        retries=own.retries,
        check_ms=_ms(own.check_s),
        check_timeout_ms=_ms(own.check_timeout_s),
        check_failures=own.check_failures,
        server_ms=_ms(settings.serving.timeout_s + 1),
        retry_after_s=settings.serving.retry_after_s,
        host=own.host,
        port=own.port,
        metrics_port=own.metrics_port,
        once=_ONCE,
        max_concurrency=settings.serving.max_concurrency,
        slow_start=f" slowstart {_ms(own.slow_start_s)}ms" if own.slow_start_s else "",
        servers="\n".join(servers),
    )


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
