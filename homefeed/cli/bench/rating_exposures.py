"""Ratings of MovieLens 100K as examples of the ranker: one rating is one exposure, and none is made up.

A rating of 4 and more is what the ranker calls watched. A film's genres are its topics, main genre and decade its
channel, and the four spans of the aggregates are those of a log of seven months. A feature knows what was rated before
the second of the rating, never in it.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import ids
from homefeed.features import DENSE_FEATURES, ENTITIES, MEASURES, SPANS
from homefeed.importers.ratings import Ratings, movielens_100k
from homefeed.importers.synthesis import DISMISS_TO, DURATION_S, LIKE_FROM, MAX_RATING, decade
from homefeed.settings import Settings
from models.ranking.columns import candidate_columns
from models.ranking.examples import HIDDEN_SLOT, Examples, Inputs, inputs_of
from models.video_table import VideoTable, video_table

FOLDER = "ml-100k"
_DAY_S = 86_400
#: Span of the aggregates -> seconds here: a day, a week, a month, and the whole log.
SPANS_S = dict(zip(SPANS, (_DAY_S, 7 * _DAY_S, 30 * _DAY_S, 100_000 * _DAY_S), strict=True))
#: Shares of the ratings, in order of time, up to which the ranker trains and is calibrated.
_TRAIN, _VALIDATION = 0.8, 0.9
#: More than any second since 1970, so that key and time fit into one sortable number.
_FAR = 1 << 33


def rating_examples(settings: Settings, folder: Path) -> tuple[Examples, Examples, Examples]:
    """Train, validation and holdout of the log in `folder`, one after the other in time."""
    return split(examples_of_ratings(movielens_100k(folder), settings))


def split(examples: tuple[Examples, NDArray[np.int64]]) -> tuple[Examples, Examples, Examples]:
    """The parts of examples with their times, [n] ascending; ratings of one second stay together."""
    every, times = examples
    cuts = [int(np.searchsorted(times, times[int(share * len(times))])) for share in (_TRAIN, _VALIDATION)]
    return every.take(slice(0, cuts[0])), every.take(slice(*cuts)), every.take(slice(cuts[1], None))


def examples_of_ratings(log: Ratings, settings: Settings) -> tuple[Examples, NDArray[np.int64]]:
    """Examples of the n ratings in order of time, and when each was given [s since 1970]."""
    ratings, table = log.ratings, _films(log)
    times = ratings.column("time").to_numpy().astype(np.int64)
    rating = ratings.column("rating").to_numpy().astype(np.float32)
    users = ids.keys(ratings.column("user").combine_chunks()).to_numpy()
    films = ids.keys(ratings.column("film").combine_chunks()).to_numpy()
    candidates = candidate_columns(films, table)
    candidates["slot"] = np.full(len(films), HIDDEN_SLOT, np.int32)
    happened = {
        "impressions": np.ones(len(rating)),
        "watches": rating >= LIKE_FROM,
        "watch_s": rating / MAX_RATING * DURATION_S,
        "likes": rating >= MAX_RATING,
        "dismissals": rating <= DISMISS_TO,
    }
    entities = {"user": users, "video": films, "channel": candidates["channel"], "topic": candidates["topic"]}
    aggregates: dict[str, NDArray[np.float32]] = {}
    for entity in ENTITIES:
        sums = sums_before(entities[entity], times, np.column_stack([happened[m] for m in MEASURES]))
        for span, part in sums.items():
            aggregates |= {f"{entity}_{measure}_{span}": part[:, at] for at, measure in enumerate(MEASURES)}
    viewers = _viewers(log, users, films, rating, times, table=table, length=settings.features.history_length)
    inputs: Inputs = inputs_of(viewers, candidates, aggregates, settings.ranking.history_length)
    assert inputs.dense.shape[1] == len(DENSE_FEATURES)
    zero = np.zeros(len(rating), np.float32)
    labels = {
        "watched": happened["watches"],
        "watch_s": happened["watch_s"],
        "completion": rating / MAX_RATING,
        "liked": happened["likes"],
        "subscribed": zero,
        "shared": zero,
        "dismissed": happened["dismissals"],
    }
    none = np.zeros(len(rating), np.int64)
    examples = Examples(
        inputs,
        {target: np.asarray(label, np.float32) for target, label in labels.items()},
        weight=np.ones(len(rating), np.float32),
        users=users,
        requests=none,
        sources=none,
        propensities=np.full(len(rating), np.nan, np.float32),
    )
    return examples, times


def sums_before(
    keys: NDArray[np.int64], times: NDArray[np.int64], amounts: NDArray[np.float64]
) -> dict[str, NDArray[np.float32]]:
    """Sums of `amounts` [n, m] over the rows of the same key within each span before the row's own second; span ->
    [n, m]."""
    code = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    place = code * _FAR + times
    order = np.argsort(place, kind="stable")
    known = place[order]
    running = np.concatenate([np.zeros((1, amounts.shape[1])), np.cumsum(amounts[order], axis=0)])
    until = running[np.searchsorted(known, place)]
    sums = {}
    for span, length_s in SPANS_S.items():
        since = code * _FAR + np.maximum(times - length_s, 0)
        sums[span] = (until - running[np.searchsorted(known, since)]).astype(np.float32)
    return sums


def _viewers(
    log: Ratings,
    users: NDArray[np.int64],
    films: NDArray[np.int64],
    rating: NDArray[np.float32],
    times: NDArray[np.int64],
    *,
    table: VideoTable,
    length: int,
) -> dict[str, NDArray[np.generic]]:
    """Columns of viewers as `models.ranking.examples.inputs_of` reads them: a history is the films rated 4 and more."""
    code = np.unique(users, return_inverse=True)[1].astype(np.int64)
    liked = np.flatnonzero(rating >= LIKE_FROM)
    liked = liked[np.argsort(code[liked] * _FAR + times[liked], kind="stable")]
    place = code[liked] * _FAR + times[liked]
    end = np.searchsorted(place, code * _FAR + times)
    begin = np.searchsorted(place, code * _FAR)
    at = end[:, None] - length + np.arange(length)
    held = at >= begin[:, None]
    row = np.append(liked, 0)[np.where(held, at, len(liked))]
    history = np.where(held, films[row], 0)
    age_of = dict(zip(log.users.column("user").to_pylist(), log.users.column("age").to_pylist(), strict=True))
    ages = [age_of.get(user) for user in log.ratings.column("user").to_pylist()]
    none, nothing = np.zeros(len(users), np.int64), np.zeros((len(users), 1), np.int64)
    return {
        "time": times * 1_000_000,
        "language": none,
        "country": none,
        "device": none,
        "age": np.array([-1 if age is None else age for age in ages], np.int32),
        "history_channels": table.channel_of(history),
        "history_topics": table.topic_of(history),
        "history_languages": table.language_of(history),
        "history_times": np.where(held, times[row] * 1_000_000, 0),
        "history_fractions": np.where(held, rating[row] / MAX_RATING, 0).astype(np.float32),
        "subscribed_channels": nothing,
        "subscribed_topics": nothing,
    }


def _films(log: Ratings) -> VideoTable:
    """The catalogue: every film is as old as the log, for a year of release says more as a decade."""
    films = log.films
    genres, titles = films.column("genres"), films.column("title").to_pylist()
    channels = [f"{main[0]} {decade(title)}" for main, title in zip(genres.to_pylist(), titles, strict=True)]
    num = len(films)
    return video_table(
        pa.table(
            {
                "video": ids.keys(films.column("film").combine_chunks()),
                "channel": ids.keys(pa.array(channels)),
                "topics": genres,
                "language": pa.nulls(num, pa.string()),
                "uploaded": pa.array(
                    [log.ratings.column("time")[0].as_py() * 1_000_000] * num, pa.timestamp("us", "UTC")
                ),
                "duration_s": pa.array([DURATION_S] * num, pa.float64()),
                "title": titles,
            }
        )
    )
