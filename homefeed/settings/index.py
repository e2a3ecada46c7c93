"""Knobs of the index over the candidate vectors."""

from homefeed.settings.group import Group, knob


class IndexSettings(Group):
    """Index over the candidate vectors, and how it stays fresh."""

    exact_below: int = knob(
        20_000, "A catalogue smaller than this is searched exactly: quantising it saves nothing.", "videos", ge=0
    )
    tree_above: int = knob(100_000, "A larger catalogue is searched in leaves of a k-means tree.", "videos", gt=0)
    searched_leaves: int = knob(64, "Leaves of the tree that a query looks into, at every size.", gt=0)
    reordered: float = knob(3.0, "Candidates scored again exactly, as a multiple of the list.", ge=1)
    num_queries: int = knob(500, "Queries that measure index recall against exact search.", gt=0)
    num_shards: int = knob(1, "Searchers that share the catalogue; each query asks all of them.", gt=0)
    upsert_batch: int = knob(
        256, "Videos inserted or deleted at a time while searches wait; smaller waits are shorter and more.", gt=0
    )
    bench_videos: int = knob(1_000_000, "Videos of `homefeed bench index`; 50000 is a quick run.", "videos", gt=2000)
    max_error_growth: float = knob(
        1.1,
        "The index is built anew when the mean quantisation error exceeds that of its build by this factor.",
        gt=1,
    )
    max_imbalance_growth: float = knob(
        0.5, "The index is built anew when the imbalance of its leaves exceeds that of its build by this much.", gt=0
    )
    max_inserted_share: float = knob(
        0.2, "The index is built anew when more than this share of its videos was inserted since its build.", gt=0
    )
