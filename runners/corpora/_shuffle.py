"""A shuffled order of billions of places, without a list of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runners.corpora.base import Index

ROUNDS = 8


@dataclass(frozen=True)
class Shuffle:
    """A permutation of 0 ... n - 1, place by place: a Feistel network over the next even power of two.

    A network of `ROUNDS` rounds (L, R) -> (R, L xor f(R)) is a permutation whatever f is; f is splitmix64 under a key
    of the seed. Where it leads to n or beyond it is applied again until it does not, which leaves a permutation of the
    places below n and takes four tries at most on average (Black & Rogaway 2002, cycle walking).
    """

    n: int
    seed: tuple[int, ...]

    def __call__(self, places: Index) -> Index:
        """The places that `places` are sent to."""
        found = places.astype(np.uint64)
        outside = np.ones(len(found), bool)
        while outside.any():
            found[outside] = self._once(found[outside])
            outside = found >= np.uint64(self.n)
        return found.astype(np.int64)

    def _once(self, x: NDArray[np.uint64]) -> NDArray[np.uint64]:
        half = np.uint64(max((self.n - 1).bit_length() + 1, 2) // 2)
        mask = (np.uint64(1) << half) - np.uint64(1)
        left, right = x >> half, x & mask
        for key in self._keys:
            left, right = right, left ^ (_mixed(right ^ key) & mask)
        return (left << half) | right

    @cached_property
    def _keys(self) -> NDArray[np.uint64]:
        return np.random.default_rng(self.seed).integers(0, 2**64, ROUNDS, dtype=np.uint64)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
