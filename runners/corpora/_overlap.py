"""How much of one text stands word for word in another: near-duplicates that a split by documents leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from runners.corpora.base import Array

DOUBLINGS = 6
SPAN = 2**DOUBLINGS
CHUNK = 2**20


def overlap(training: Iterable[Array], validation: Iterable[Array]) -> float | None:
    """The share of all windows of 64 tokens of `validation` that occur verbatim in `training`; None without any.

    Windows are compared by 64-bit hashes, in chunks, so the texts may be memory maps: for 1e7 windows in either text
    the expected number of false matches is 1e14 / 2^64, or 5e-6.
    """
    wanted = [hashes for text in validation for hashes in _hashes(text)]
    if not wanted:
        return None
    distinct, times = np.unique(np.concatenate(wanted), return_counts=True)
    met = np.zeros(len(distinct), bool)
    for text in training:
        for hashes in _hashes(text):
            place = np.minimum(np.searchsorted(distinct, hashes), len(distinct) - 1)
            met[place[distinct[place] == hashes]] = True
    return float(times[met].sum() / times.sum())


def beginning(parts: Iterable[Array], tokens: int) -> Iterator[Array]:
    """The first `tokens` of several texts."""
    for part in parts:
        yield part[:tokens]
        tokens -= min(tokens, len(part))


def _hashes(text: Array) -> Iterator[NDArray[np.uint64]]:
    """A hash of every window of 64 tokens, in chunks: that of 2 k tokens from those of its halves."""
    for start in range(0, len(text) - SPAN + 1, CHUNK):
        h = _mixed(np.asarray(text[start : start + CHUNK + SPAN - 1]).astype(np.uint64))
        for k in (2**i for i in range(DOUBLINGS)):
            h = _mixed(_mixed(h[:-k]) + h[k:])
        yield h


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
