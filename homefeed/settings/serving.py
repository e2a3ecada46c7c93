"""Knobs of the BentoML service and of the page pipeline."""

from pathlib import Path

from homefeed.settings.group import Group, knob


class ServingSettings(Group):
    """BentoML service and page pipeline."""

    host: str = knob("127.0.0.1", "Address that the service listens on.")
    port: int = knob(3000, "Port of the service.", ge=0, le=65535)
    num_threads: int = knob(2, "Pages that are made at the same time, as many as there are cores; more wait.", gt=0)
    source_threads: int = knob(
        0,
        "Threads in which sources that ask an index run beside the others, for all pages; 0 asks one after the other, "
        "which is cheaper on two cores.",
        ge=0,
    )
    ranking_threads: int = knob(
        2, "Threads that rank the candidates of a page while no other page is in the making; else one does.", gt=0
    )
    max_concurrency: int = knob(256, "Requests in the service at once; more are answered with 429.", gt=0)
    max_pages: int = knob(
        32,
        "Pages in the making at once, those that wait for a thread among them; more are answered with 429 at once.",
        gt=0,
    )
    deadline_ms: float = knob(
        150.0,
        "Time of a page from its arrival; when it runs short, optional sources are left out and fewer candidates are "
        "ranked.",
        "ms",
        gt=0,
    )
    timeout_s: float = knob(10.0, "A request that takes longer is answered with 504.", "s", gt=0)
    graceful_s: int = knob(10, "How long a stopping service finishes the requests it has.", "s", ge=0)
    poll_s: float = knob(
        2.0, "How often the service looks for new releases, a new snapshot and a turned knob.", "s", gt=0
    )
    standby: bool = knob(
        True,
        "Keep the release that was live before in memory, so that after a rollback it answers at the next look; it "
        "costs the memory of one more release.",
    )
    retry_s: float = knob(60.0, "A bundle that could not be loaded is tried again after this time.", "s", gt=0)

    tracing: bool = knob(
        False, "Make OpenTelemetry spans of each request, for an exporter that BentoML's own configuration names."
    )
    access_log: bool = knob(False, "Log a line for each request; the serving log has a row for each page anyway.")

    bento_engine: str = knob(
        "",
        "What `build_service` builds an image of the Bento with: `docker`, `podman`, `buildah`, or the path of one; "
        "empty builds none.",
    )
    kept_bentos: int = knob(4, "Bentos of earlier code that stay in the store beside the newest.", "Bentos", ge=0)

    num_slots: int = knob(100, "Videos on a page.", gt=0, le=100)
    num_candidates: int = knob(1000, "Candidates asked from the two-tower index for one page.", gt=0)
    num_ranked: int = knob(
        1500, "Candidates that are ranked for one page; of more, every source keeps the same share of its list.", gt=0
    )
    num_trending: int = knob(200, "Candidates from the videos most watched now.", gt=0)
    num_fresh: int = knob(200, "Candidates from the newest uploads.", gt=0)
    num_subscriptions: int = knob(100, "Candidates from the channels that the viewer subscribes to.", gt=0)
    num_more_like: int = knob(100, "Candidates near the videos that the viewer watched last.", gt=0)
    more_like_seeds: int = knob(5, "Newest watches that more videos like them are looked up for.", "videos", gt=0)
    fresh_h: float = knob(24.0, "A video is fresh for this long after its upload.", "h", gt=0)
    new_impressions: int = knob(
        100, "A video with fewer impressions in 7 days counts as new: exploration may show it.", ge=0
    )
    unknown_age: int = knob(
        13, "Age assumed for a viewer whose age is not known, when a video has a minimum age.", "years", ge=0
    )

    exploration: float = knob(
        0.1,
        "Share of the slots given to fresh uploads, uncertain videos and topics new to the viewer instead of the "
        "highest value; `homefeed knob set exploration 0.2` turns it while the service runs.",
        ge=0,
        le=1,
    )
    operator_token_file: Path | None = knob(
        None,
        "File with the token of those who may turn the knob by `POST /v1/knobs/exploration`; without it nobody may.",
    )
    explored_below: int = knob(
        30, "Videos of a page, the best first, that exploration does not draw: viewers see them anyway.", "videos", ge=0
    )
    spared_share: float = knob(
        0.2,
        "Share of a page's slots, from the top, that explore less often: most viewers see and watch what stands there.",
        ge=0,
        lt=1,
    )
    spared_chance: float = knob(
        0.02,
        "How often these explore, over how often those below do; above 0 keeps support for evaluation.",
        ge=0,
        le=1,
    )
    topic_trial_h: float = knob(
        48.0,
        "A topic that the viewer watched once stays new for this long, unless it is watched again.",
        "h",
        ge=0,
    )
    discovery_value: float = knob(
        2.0,
        "What a topic new to the viewer adds to the value of a video at exploration 1, times the square root of the "
        "probability of its watch; it grows evenly with the knob.",
        ge=0,
    )
    exploration_bound: float = knob(
        1.0, "Standard deviations of a video's watch rate that exploration adds to its value.", ge=0
    )
    prior_impressions: float = knob(
        300.0,
        "Impressions that the ranker's probability counts for in the spread of a watch rate.",
        "impressions",
        gt=0,
    )
    exploration_sharpness: float = knob(
        3.0, "Power of a video's upper bound in the weight of its draw; 0 draws evenly.", ge=0
    )
    new_topic_weight: float = knob(
        3.0, "How much more a video of a topic new to the viewer weighs in exploration's draws.", "times", gt=0
    )
    guaranteed_share: float = knob(
        0.95,
        "Share of exploration's weight that uploads of the last `fresh_h` with fewer impressions than "
        "`new_impressions` have together while a page has any; 0 guarantees nothing.",
        ge=0,
        lt=1,
    )
    guaranteed_per_channel: int = knob(
        3, "Uploads of a channel's day (UTC) that first impressions are guaranteed to.", "videos", ge=0
    )
    channel_decay: float = knob(
        0.97, "Each further video of a channel on a page keeps this share of its lead in value.", gt=0, le=1
    )
    topic_decay: float = knob(
        0.97, "Each further video of a topic on a page keeps this share of its lead in value.", gt=0, le=1
    )
    diversity_floor: float = knob(
        0.4, "Diversity never takes more of a video's lead than leaves this share.", ge=0, le=1
    )

    viewer_timeout_s: float = knob(
        0.05, "A viewer's features that take longer are replaced by those of an unknown viewer.", "s", gt=0
    )
    breaker_failures: int = knob(5, "Failures of the online store in a row after which it is left alone.", gt=0)
    breaker_s: float = knob(5.0, "How long a failing online store is left alone.", "s", gt=0)
    recent_h: float = knob(
        6.0,
        "What a viewer did changes the next page at once; it is kept for that until features of its window are "
        "published, and at most this long.",
        "h",
        gt=0,
    )
    max_events: int = knob(10_000, "Events in one POST; more are refused with 413.", gt=0)
    max_waiting_events: int = knob(
        100_000, "Events that wait for the disk at once; a POST that would make it more is answered with 429.", gt=0
    )
    retry_after_s: int = knob(1, "What an answer of 429 or 503 asks the sender to wait, as `Retry-After`.", "s", ge=0)
    max_body_mib: float = knob(16.0, "Size of a request body; a larger one is refused with 413.", "MiB", gt=0)
    shadow_share: float = knob(0.25, "Share of the pages that a SHADOW release is asked for as well.", ge=0, le=1)
    shadow_queue: int = knob(32, "Pages waiting to be made in shadow; more are dropped and counted.", gt=0)
    bench_videos: int = knob(1_000_000, "Videos of `homefeed bench serve`; 20000 is a quick run.", "videos", gt=2000)
    bench_candidates: int = knob(10_000, "Candidates of the large page of `homefeed bench serve`.", gt=0)
    feature_share: float = knob(
        0.02, "Share of the ranked pages of which the features of five candidates are logged.", ge=0, le=1
    )
    log_flush_s: float = knob(0.5, "How often the serving log is written to disk.", "s", gt=0)
