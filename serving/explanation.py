"""Why a video is on a page, or is not: heads, value, sources, filters, features, and what would have to change."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homefeed import ids
from homefeed.errors import HomefeedError
from homefeed.features import DENSE_FEATURES, TARGETS
from models.ranking.attribution import GROUPS, Reference, feature_changes, group_changes, reaches
from models.value import ENGAGEMENT
from serving.draft import Draft
from serving.explained import Explanation, Feature, Head, Proposal
from serving.exploration import discovery, is_new
from serving.filters import FILTERS
from serving.obstacles import needed_value, shortfall, unproposed
from serving.selector import rank
from serving.sources import SOURCES

if TYPE_CHECKING:
    from models.bundle import Bundle

_WATCHED = TARGETS.index("watched")
_MOST_REACHES = 5


class ExplanationError(HomefeedError):
    """A video cannot be explained; the message says why and what to do."""


def explain(draft: Draft, bundle: "Bundle", reference: Reference, video: str) -> Explanation:
    """Explain one video of a finished draft.

    Args:
      draft: a page that `bundle` made.
      bundle: the release.
      reference: what is typical, from the same release.
      video: its id.

    Raises:
      ExplanationError: the catalogue of then does not hold the video, or the ranker has no finite answer for it.
    """
    row = row_of(draft, video)
    columns = draft.snapshot.take(row)
    context = {"time": draft.time, "device": draft.request.device}
    inputs = bundle.inputs(draft.viewer.row, columns, context)
    heads = bundle.heads(inputs)
    parts = bundle.value_parts(heads)
    value = float(parts.total[0])
    if not np.isfinite(value):
        broken = [target for target, head in heads.items() if not np.isfinite(head).all()]
        raise ExplanationError(
            f"the ranker of {bundle.release} answers no number for {video!r} in: {', '.join(broken)}; a page falls "
            "back to what is trending, and the gates roll such a release back"
        )
    ranked = rank(draft)
    at = np.flatnonzero(draft.rows == row[0])
    position = int(at[0]) if len(at) else None
    assert draft.slate is not None
    on_page = np.flatnonzero(draft.slate.index == position) if position is not None else at
    slot = int(on_page[0]) if len(on_page) else None
    explored = slot is not None and bool(draft.slate.explored[slot])
    has_new = is_new(draft, columns["topic_code"])
    opens = discovery(draft, has_new, heads["watched"])
    worth = value + float(opens[0])
    needed, keeps = needed_value(draft, ranked, position, worth)
    removed = [(name, removes) for name, removes in FILTERS if removes(draft, columns)[0]]
    sources = _proposals(draft, int(row[0]))

    def worth_of(some: Any) -> NDArray[np.float32]:
        changed = bundle.heads(some)
        return np.asarray(bundle.value(changed) + discovery(draft, has_new, changed["watched"]), np.float32)

    short = slot is None and worth < needed
    text = {name: draft.snapshot.table.column(name)[int(row[0])].as_py() for name in ("title", "channel_id")}
    changes = []
    if slot is None:
        changes += [f"the filter `{name}` would have to let it through: {removes.__doc__}" for name, removes in removed]
        if all(source.place is None for source in sources):
            changes.append(unproposed(draft, bundle, video))
    if slot is None or explored:
        watched = float(heads["watched"][0])
        changes += shortfall(worth, needed, keeps, watched, bundle.weights["watched"], float(opens[0]))
    if slot is None and position is not None and position in ranked.pool:
        weight = float(ranked.weight[ranked.pool == position][0] / ranked.weight.sum())
        changes.append(
            f"exploration could have shown it: with {weight:.2%} of the weight it is one of the {len(ranked.pool)} "
            f"fresh, uncertain or new-topic videos that a share of {draft.exploration:g} of the slots is drawn from"
        )
    return Explanation(
        video=video,
        title=text["title"] or "",
        channel=text["channel_id"] or "",
        outcome=_outcome(slot, explored, [name for name, _ in removed], sources),
        slot=slot,
        explored=explored,
        heads=[
            Head(
                target,
                "engagement" if target in ENGAGEMENT else "satisfaction",
                float(heads[target][0]),
                float(bundle.weights[target]),
                float(parts.contributions[target][0]),
            )
            for target in TARGETS
        ],
        engagement=float(parts.engagement[0]),
        satisfaction=float(parts.satisfaction[0]),
        value=value,
        correction=float(np.exp(bundle.adjustment.corrections.of(inputs.video)[0])),
        discovery=float(opens[0]),
        score=None if position is None else float(ranked.score[position]),
        place=None if position is None else int((ranked.score > ranked.score[position]).sum()),
        num_candidates=len(draft.rows),
        needed=needed,
        sources=sources,
        filters=[name for name, _ in removed],
        features=_features(bundle, inputs, reference),
        changes=changes,
        reaches=reaches(worth_of, inputs, reference, needed)[:_MOST_REACHES] if short else [],
    )


def row_of(draft: Draft, video: str) -> NDArray[np.int64]:
    """The row [1] of a video in the draft's snapshot. Raises ExplanationError when it is not there."""
    try:
        row = draft.snapshot.rows_of(np.array([ids.key(video)]))
    except ValueError as error:
        raise ExplanationError(f"{video!r} is not the id of a video: {error}") from error
    if not len(row):
        raise ExplanationError(
            f"the catalogue of window {draft.snapshot.window} has no video {video!r}: it was never uploaded, is "
            "withdrawn, or was uploaded after that window; check the id"
        )
    return row


def strongest(bundle: "Bundle", draft: Draft, rows: NDArray[np.int64], reference: Reference) -> list[Feature]:
    """For each of n rows of the snapshot the group that moves a watch most, without its features."""
    context = {"time": draft.time, "device": draft.request.device}
    inputs = bundle.inputs(draft.viewer.row, draft.snapshot.take(rows), context)
    change = group_changes(lambda i: bundle.uncalibrated(i)[:, _WATCHED], inputs, reference)
    most = np.abs(change).argmax(axis=1)
    return [Feature(GROUPS[g].name, float(change[i, g]), "", None, None) for i, g in enumerate(most)]


def _features(bundle: "Bundle", inputs: Any, reference: Reference) -> list[Feature]:
    """Every group, the one that moves most first."""

    def watched(some: Any) -> NDArray[np.float32]:
        return bundle.uncalibrated(some)[:, _WATCHED]

    changes, alone = group_changes(watched, inputs, reference)[0], feature_changes(watched, inputs, reference)
    found = []
    for group, change in zip(GROUPS, changes, strict=True):
        places = [DENSE_FEATURES.index(name) for name in group.dense]
        if places:
            most = places[int(np.abs(alone[places]).argmax())]
            facts = (DENSE_FEATURES[most], float(inputs.dense[0, most]), float(reference.typical[most]))
            found.append(Feature(group.name, float(change), *facts))
        else:
            found.append(Feature(group.name, float(change), "", None, None))
    return sorted(found, key=lambda feature: -abs(feature.change))


def _proposals(draft: Draft, row: int) -> list[Proposal]:
    """What every source proposes, asked again; one that fails proposes nothing."""
    said = []
    for name, source in SOURCES:
        proposed = np.empty(0, np.int64) if name in {*draft.degraded, *draft.without} else source(draft)[0]
        place = np.flatnonzero(proposed == row)
        said.append(Proposal(name, int(place[0]) if len(place) else None, len(proposed)))
    return said


def _outcome(slot: int | None, explored: bool, removed: list[str], sources: list[Proposal]) -> str:
    if slot is not None:
        return f"in slot {slot}, {'drawn by exploration' if explored else 'by its value'}"
    if removed:
        return f"not on the page: removed by {', '.join(removed)}"
    if all(source.place is None for source in sources):
        return "not on the page: no source proposed it"
    return "not on the page: others are worth more"
