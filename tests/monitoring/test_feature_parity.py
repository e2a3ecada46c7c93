"""G3: vectors that the service logged against training's, over a small lake; a unit change in the online store only."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from stub_site import WINDOW, StubSite

from homefeed import ids, windows
from homefeed.features import DENSE_FEATURES, aggregate_columns
from homefeed.lake import open_lake
from homefeed.verdict import Verdict
from monitoring.gates.parity import parity
from monitoring.look import Look
from monitoring.parity import Parity, first_topics, measure_parity

END = windows.end(WINDOW)
#: When the pages were made: between the snapshot of `WINDOW` and the next one.
AT = END + timedelta(minutes=4)
NUM_VIDEOS, NUM_PAGES = 6, 20


def publish(site: StubSite) -> dict[str, int]:
    """Twenty viewers, six videos of two channels and topics; every aggregate is a number made from its name and key."""
    from feature_repo.online import apply

    for entity, keys in entities().items():
        rows = [
            {"window": WINDOW, "event_timestamp": END, entity: key, **aggregates(entity, number)}
            for number, key in enumerate(keys)
        ]
        site.publish(f"{entity}_aggregates", WINDOW, rows)
    videos = [
        {
            "window": WINDOW,
            "event_id": f"v{i}",
            "time": END - timedelta(hours=5),
            "video": key,
            "video_id": f"video-{i}",
            "channel": entities()["channel"][i % 2],
            "topics": [entities()["topic"][i % 2], "both"],
            "duration_s": 60.0 * (i + 1),
            "language": "de",
            "uploaded": END - timedelta(hours=5),
            "withdrawn": False,
        }
        for i, key in enumerate(entities()["video"])
    ]
    site.publish("videos", WINDOW, videos)
    apply(site.settings)
    lake = open_lake(site.settings.lake_path)
    return {table: lake.version(table) for table in ("videos", *(f"{entity}_aggregates" for entity in entities()))}


def entities() -> dict[str, list[Any]]:
    return {
        "user": [ids.key(f"viewer-{i}") for i in range(NUM_PAGES)],
        "video": [ids.key(f"video-{i}") for i in range(NUM_VIDEOS)],
        "channel": [ids.key("c0"), ids.key("c1")],
        "topic": ["music", "chess"],
    }


def aggregates(entity: str, number: int) -> dict[str, float]:
    return {name: float(number + place) for place, name in enumerate(aggregate_columns(entity))}


def served(viewer: int, videos: list[int]) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The viewer's row of the online store, and the vectors that serving's own code makes of it and the snapshot."""
    from models.ranking.columns import candidate_columns, viewer_row
    from models.ranking.examples import HIDDEN_SLOT, inputs_of

    row: dict[str, Any] = {
        "country": "DE",
        "language": "de",
        "age": None,
        "history_videos": [entities()["video"][0], entities()["video"][1]],
        "history_times": [int((END - timedelta(hours=hours)).timestamp() * 1e6) for hours in (2, 1)],
        "history_fractions": [0.25, 0.75],
        "subscribed_channels": [entities()["channel"][1]],
    }
    table = catalogue()
    keys = np.array([entities()["video"][i] for i in videos])
    candidates = candidate_columns(keys, table) | {"slot": np.full(len(keys), HIDDEN_SLOT, np.int32)}
    known: dict[str, Any] = {name: np.float32(value) for name, value in aggregates("user", viewer).items()}
    for entity, numbers in (
        ("video", videos),
        ("channel", [i % 2 for i in videos]),
        ("topic", [i % 2 for i in videos]),
    ):
        columns = [aggregates(entity, number) for number in numbers]
        known |= {name: np.array([column[name] for column in columns], np.float32) for name in columns[0]}
    return row, inputs_of(viewer_row(row, AT, "phone", table, 100), candidates, known, 50).dense


def catalogue() -> Any:
    from models.video_table import VideoTable

    keys = np.array(entities()["video"])
    order = np.argsort(keys)
    number = np.arange(NUM_VIDEOS)[order]
    topics = np.array([[ids.key(entities()["topic"][i % 2]), ids.key("both"), 0, 0] for i in number])
    return VideoTable(
        keys=keys[order],
        channels=np.array(entities()["channel"])[number % 2],
        topics=topics,
        languages=np.full(NUM_VIDEOS, ids.key("de")),
        uploaded=np.full(NUM_VIDEOS, int((END - timedelta(hours=5)).timestamp() * 1e6)),
        duration_s=(60 * (number + 1)).astype(np.float32),
        titles=np.full(NUM_VIDEOS, "", object),
    )


def log(site: StubSite, versions: dict[str, int], spoil: Callable[[NDArray[np.float32]], None]) -> None:
    """One page of each viewer with five of the videos; `spoil` changes its vectors."""
    lines = []
    for viewer in range(NUM_PAGES):
        shown = [(viewer + i) % NUM_VIDEOS for i in range(5)]
        row, dense = served(viewer, shown)
        spoil(dense)
        page = {"request_id": f"p{viewer}", "time": AT.isoformat(), "user": f"viewer-{viewer}", "release": "r1"}
        page |= {"window": WINDOW, "versions": json.dumps(versions) if versions else "", "device": "phone"}
        page |= row | {"videos": [entities()["video"][i] for i in shown], "dense": [*dense]}
        lines.append(orjson.dumps(page, option=orjson.OPT_SERIALIZE_NUMPY))
    folder = site.settings.serving_path / windows.window_of(AT)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "features-1.jsonl").write_bytes(b"\n".join(lines) + b"\n")


def measured(site: StubSite, since: datetime = END) -> Parity:
    return measure_parity(site.settings, WINDOW, windows.window_of(AT), since, 50)


def verdict(found: Parity, site: StubSite) -> Verdict:
    look = Look(site.settings, site.registry, None, None, WINDOW, AT)  # type: ignore[arg-type]
    look.__dict__["parity"] = found
    return parity(look)[0].verdict


def test_serving_reads_what_training_reads_and_a_unit_change_is_found(site: StubSite) -> None:
    versions = publish(site)
    log(site, versions, lambda dense: None)
    same = measured(site)
    assert len(same) == 5 * NUM_PAGES
    assert same.worst == []
    assert verdict(same, site) is Verdict.PASS

    def milliseconds(dense: NDArray[np.float32]) -> None:
        dense[:, DENSE_FEATURES.index("user_watch_s_1h")] *= 1000

    log(site, versions, milliseconds)
    changed = measured(site)
    assert changed.worst == [("user_watch_s_1h", 5 * NUM_PAGES)]
    assert verdict(changed, site) is Verdict.FAIL
    assert len(measured(site, AT + timedelta(seconds=1))) == 0, "older pages are left out"
    # What was published since is not what the page was made from.
    site.publish("video_aggregates", WINDOW, [])
    log(site, versions, lambda dense: None)
    assert measured(site).worst == []


def test_pages_that_do_not_say_what_they_were_made_from_are_counted(site: StubSite) -> None:
    log(site, {}, lambda dense: None)
    found = measured(site)
    assert (len(found), found.num_without) == (0, NUM_PAGES)
    assert verdict(found, site) is Verdict.WAIT


def test_one_vector_in_a_thousand_may_differ(site: StubSite) -> None:
    differs = np.zeros((5000, len(DENSE_FEATURES)), bool)
    differs[:5, 3] = True
    assert verdict(Parity(differs), site) is Verdict.PASS
    differs[:30, 3] = True
    assert verdict(Parity(differs), site) is Verdict.FAIL


def test_the_main_topic_is_the_first() -> None:
    lists = pa.chunked_array([pa.array([["a", "b"], [], None, ["c"]], pa.list_(pa.string()))])
    assert first_topics(lists).to_pylist() == ["a", None, None, "c"]
