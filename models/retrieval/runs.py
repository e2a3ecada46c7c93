"""One run of watches per viewer, whole, several viewers to a row: the training stream without cut histories."""

import numpy as np
from numpy.typing import NDArray

from models.retrieval.watches import Stream, Watches


def pack_runs(watches: Watches, length: int, random: np.random.Generator) -> Stream:
    """One pass: of each viewer at most `length` watches that follow each other, at a random place, never cut by the
    end of a row.

    A viewer with fewer watches is read whole, so that a query in training knows what it will know when it is served;
    `watches.pack` reads every watch once and forgets what came before the row.
    """
    num = len(watches)
    starts = np.flatnonzero(np.append(True, watches.users[1:] != watches.users[:-1])) if num else np.zeros(0, np.int64)
    every = np.diff(np.append(starts, num))
    sizes = np.minimum(every, length)
    begins = starts + random.integers(0, every - sizes + 1)
    row, column = _places(sizes, length, random)
    viewer = np.repeat(np.arange(len(sizes)), sizes)
    position = np.arange(len(viewer)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    num_rows = int(row.max(initial=-1)) + 1
    watch, segment, within = (np.full((num_rows, length), empty) for empty in (-1, -1, 0))
    place = (row[viewer], column[viewer] + position)
    watch[place], segment[place], within[place] = begins[viewer] + position, viewer, position
    is_first = np.zeros(num + 1, bool)
    is_first[starts] = True
    return Stream(watch, segment, within, (watch >= 0) & ((within > 0) | is_first[watch]))


def _places(
    sizes: NDArray[np.int64], length: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and first column of each run: the longest first, each into the fullest row that has room for it."""
    row, column = np.zeros(len(sizes), np.int64), np.zeros(len(sizes), np.int64)
    shuffled = random.permutation(len(sizes))
    ordered = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    # Rows by the room they have left. The loops are over lengths; runs of one length are placed together.
    room: list[NDArray[np.int64]] = [np.zeros(0, np.int64) for _ in range(length + 1)]
    num_rows = 0
    distinct, counts = np.unique(-sizes, return_counts=True)
    for size, end, count in zip(-distinct, np.cumsum(counts), counts, strict=True):
        runs = ordered[end - count : end]
        while len(runs):
            left = next((left for left in range(size, length + 1) if len(room[left])), length)
            if not len(room[left]):
                fresh = -(-len(runs) // (length // size))
                room[length] = num_rows + np.arange(fresh)
                num_rows += fresh
            rows, room[left] = room[left][: len(runs)], room[left][len(runs) :]
            row[runs[: len(rows)]], column[runs[: len(rows)]] = rows, length - left
            room[left - size] = np.append(room[left - size], rows)
            runs = runs[len(rows) :]
    return row, column
