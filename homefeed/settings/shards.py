"""Knobs of an index whose shards are services of their own."""

from homefeed.settings.group import Group, knob


class ShardSettings(Group):
    """Index shards as services of their own."""

    addresses: str = knob(
        "",
        "Services that hold the shards of the index, `host:port` each in order with commas between, as many as "
        "`index.num_shards`; empty searches in the service's own memory.",
    )
    deadline_ms: float = knob(
        40.0, "A search waits this long for its shards; those that are late are left out and counted.", "ms", gt=0
    )
    keep_s: float = knob(
        600.0,
        "A shard keeps a release that the registry no longer names for this long: replicas answer with it until they "
        "have loaded the next one.",
        "s",
        ge=0,
    )
    wait_s: float = knob(
        120.0, "A release is served only when every shard has it; how long that is waited for.", "s", gt=0
    )
