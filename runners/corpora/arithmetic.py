"""Sums, differences and products with their answers, generated: `37+48=85`, a line each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from runners.corpora.base import Array, Corpus, Examples, Generated

SEED = 20201028
SYMBOLS = "0123456789+-*=\n"
DIGITS = 4
SPLITS = 32
"""One problem in so many is for validation, and as many are held out."""


class Arithmetic(Corpus):
    """Lines `a+b=c`, `a-b=c` (a >= b) and `a*b=c`, their operands below 10, 100, 1,000 or 10,000, each as likely.

    A hash of the problem says which split it is in, so no problem of one split is ever met in another. The stream of
    lines is cut into windows, which may begin within a line. Easy problems recur: there are only so many.
    """

    name = "arithmetic"
    vocab = len(SYMBOLS)

    def training(self, context: int, count: int, seed: int) -> Examples:
        """Any number of windows."""
        return self._generated(context, count, "train", seed)

    def validation(self, context: int, count: int) -> Examples:
        """Windows of the problems that are for validation."""
        return self._generated(context, count, "validation", 0)

    def held_out(self, context: int, count: int) -> Examples:
        """Windows of the problems that are held out."""
        return self._generated(context, count, "held_out", 0)

    def _generated(self, context: int, count: int, split: str, seed: int) -> Generated:
        def block(number: int) -> tuple[Array, Array]:
            rng = np.random.default_rng([SEED, *split.encode(), seed, number])
            windows = stream(split, 256 * (context + 1), rng).reshape(256, context + 1)
            return windows[:, :-1], windows[:, 1:]

        return Generated(count, block, 256)

    def facts(self) -> Mapping[str, object]:
        """The definition, and the hash of its first lines."""
        start = stream("train", 2**16, np.random.default_rng(SEED))
        return {
            "source": f"generated problems + - * of operands up to {DIGITS} digits",
            "licence": "Apache-2.0 (generated)",
            "version": "1",
            "bytes_per_token": 1.0,
            "sha256": hashlib.sha256(start.tobytes()).hexdigest(),
        }


KIND = Arithmetic()


def stream(split: str, length: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """`length` symbols of lines of that split."""
    parts, found = [], 0
    while found < length:
        lines = _lines(_problems(split, length, rng))
        parts.append(lines)
        found += len(lines)
    return np.concatenate(parts)[:length]


def split_of(problems: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 held out, 1 validation, more training, from a hash of `(a, operation, b)` `[n, 3]`."""
    key = ((problems[:, 0] * 3 + problems[:, 1]) * 10**DIGITS + problems[:, 2]).astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
        key = (key ^ (key >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((key ^ (key >> np.uint64(31))) % np.uint64(SPLITS), dtype=np.int64)


def _problems(split: str, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Some problems `[n, 3]` of that split; a line is 12 symbols or so."""
    share = (SPLITS - 2) / SPLITS if split == "train" else 1 / SPLITS
    n = int(length / 12 / share) + 64
    operands = (10 ** rng.integers(1, DIGITS + 1, (n, 2)) * rng.random((n, 2))).astype(np.int64)
    operation = rng.integers(0, 3, n)
    low, high = operands.min(axis=1), operands.max(axis=1)
    a = np.where(operation == 1, high, operands[:, 0])
    b = np.where(operation == 1, low, operands[:, 1])
    problems = np.stack([a, operation, b], axis=1)
    return problems[np.isin(split_of(problems), {"held_out": [0], "validation": [1]}.get(split, range(2, SPLITS)))]


def _lines(problems: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The problems written out, one after the other."""
    a, operation, b = problems.T
    answer = np.select([operation == 0, operation == 1], [a + b, a - b], a * b)
    pieces = [
        _digits(a, DIGITS),
        (operation + 10)[:, None],
        _digits(b, DIGITS),
        np.full((len(a), 1), SYMBOLS.index("=")),
        _digits(answer, 2 * DIGITS),
        np.full((len(a), 1), SYMBOLS.index("\n")),
    ]
    written = np.concatenate(pieces, axis=1)
    return written[written >= 0].astype(np.uint8)


def _digits(numbers: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Their decimal digits `[n, width]`, -1 before the first."""
    places = np.array([10**place for place in reversed(range(width))])
    leading = (numbers[:, None] < places) & (places > 1)
    return np.where(leading, -1, numbers[:, None] // places % 10)
