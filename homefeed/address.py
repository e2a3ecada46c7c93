"""Addresses as settings name them: `host:port`."""


def host_and_port(address: str) -> tuple[str, int] | None:
    """Both parts of `host:port`; None when it is none."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        return None
    return host, int(port)
