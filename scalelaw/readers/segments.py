"""Arithmetic within runs, for all runs at once: of values sorted by run, those of one run are a segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scalelaw.readers.base import Mask
from scalelaw.runs import Floats

Ints = NDArray[np.int64]


def firsts(run: Ints) -> Ints:
    """Where each segment begins.

    >>> firsts(np.array([0, 0, 0, 2, 2])).tolist()
    [0, 3]
    """
    return np.flatnonzero(begins(run)).astype(np.int64)


def begins(run: Ints) -> Mask:
    """Whether an element is the first of its segment."""
    first = np.ones(len(run), dtype=bool)
    first[1:] = run[1:] != run[:-1]
    return first


def ends(run: Ints) -> Mask:
    """Whether an element is the last of its segment."""
    last = np.ones(len(run), dtype=bool)
    last[:-1] = run[1:] != run[:-1]
    return last


def lengths(run: Ints) -> Ints:
    """How many elements the segment of each element has."""
    start = firsts(run)
    size = np.diff(start, append=len(run))
    return np.repeat(size, size)


def running_min(values: Floats, run: Ints) -> Floats:
    """The least value of the segment so far, the element's own included.

    Ranks, lowered from run to run, make one accumulation of all segments; unlike shifted values they are exact.

    >>> running_min(np.array([3.0, 2.0, 5.0, 4.0, 9.0]), np.array([0, 0, 0, 1, 1])).tolist()
    [3.0, 2.0, 2.0, 4.0, 4.0]
    """
    n = len(values)
    order = np.argsort(values, kind="stable")
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    shift = np.cumsum(begins(run)) * n
    return np.asarray(values[order[np.minimum.accumulate(rank - shift) + shift]])


def following_min(values: Floats, run: Ints) -> Floats:
    """The least value of the segment from the element on."""
    return running_min(values[::-1], run[::-1])[::-1]


def previous(values: Floats, run: Ints) -> Floats:
    """The value before, NaN for the first of a segment."""
    moved = np.full(len(values), np.nan)
    moved[1:] = values[:-1]
    moved[begins(run)] = np.nan
    return moved


def medians(values: Floats, run: Ints) -> Floats:
    """The lower median of each segment's values, NaN among them left out, as one number an element."""
    order = np.lexsort((values, run))  # NaN sorts last
    start = firsts(run)
    known = np.add.reduceat(~np.isnan(values), start)
    middle = values[order[start + np.maximum(known - 1, 0) // 2]]
    return np.repeat(middle, np.diff(start, append=len(run)))


def without_outliers(values: Floats, run: Ints) -> Floats:
    """The median of each element and its two neighbours; the first and last of a segment stay.

    >>> without_outliers(np.array([3.0, 0.0, 2.0, 1.0]), np.array([0, 0, 0, 0])).tolist()
    [3.0, 2.0, 1.0, 1.0]
    """
    if len(values) < 3:
        return values
    inner = np.zeros(len(values), dtype=bool)
    inner[1:-1] = (run[:-2] == run[1:-1]) & (run[1:-1] == run[2:])
    left, own, right = values[:-2], values[1:-1], values[2:]
    middle = np.maximum(np.minimum(left, own), np.minimum(np.maximum(left, own), right))
    calm = values.copy()
    calm[inner] = middle[inner[1:-1]]
    return calm


def trailing_mean(values: Floats, run: Ints, width: int) -> Floats:
    """The mean of the last `width` values of the segment, or of those there are.

    >>> trailing_mean(np.array([4.0, 2.0, 0.0, 8.0]), np.array([0, 0, 0, 1]), 2).tolist()
    [4.0, 3.0, 1.0, 8.0]
    """
    place = np.arange(len(values)) - np.repeat(firsts(run), np.diff(firsts(run), append=len(run)))
    total, count = values.copy(), np.minimum(place + 1, width)
    for lag in range(1, min(width, len(values))):
        reaches = place[lag:] >= lag
        total[lag:] += np.where(reaches, values[:-lag], 0.0)
    return np.asarray(total / count)
