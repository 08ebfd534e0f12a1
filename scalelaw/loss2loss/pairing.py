"""Two losses of the same size and length of training, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalelaw.errors import DataError, UsageError
from scalelaw.runs import Floats, RunTable

CLOSE = 1e-3
"""Relative difference of N, D or C up to which two runs are the same size: counts are rounded to steps and heads."""
WAYS = ("size", "compute", "interpolated", "run")


@dataclass(frozen=True)
class Pairs:
    """Losses x and y, pair by pair, with the runs they came from.

    Attributes:
        x, y: the two tables in full; unpaired rows still inform their surfaces.
        loss_x, loss_y: nats per token, `[n]`; over seeds of one configuration the geometric mean.
        weights: what each row of the tables gives to each pair's log loss, `[n, rows of x]` and `[n, rows of y]`; rows
            of the matrices sum to 1.
        by: how they were paired, a name of `WAYS`.
    """

    x: RunTable
    y: RunTable
    loss_x: Floats
    loss_y: Floats
    weights: tuple[Floats, Floats]
    by: str

    def __len__(self) -> int:
        return len(self.loss_x)

    def share(self, column: str) -> Floats:
        """A count of the runs of x behind each pair, `[n]`, as their geometric mean."""
        values: Floats = np.exp(self.weights[0] @ np.log(self.x.require(column)))
        return values


def pair_runs(x: RunTable, y: RunTable, by: str = "size") -> Pairs:
    """Pair the runs of two tables.

    Args:
        by: `size` pairs equal N and D; `compute` equal C, whatever N and D; `interpolated` gives each run
            on y's frontier, which no cheaper run beats, the loss of x's frontier at its C, on a line in ln C and ln L;
            `run` pairs rows of one id, which is how two losses of one table are paired.

    Raises:
        UsageError: for another way.
        DataError: where fewer than three pairs are found.
    """
    ways: dict[str, Callable[[RunTable, RunTable], tuple[Floats, Floats]]] = {
        "size": lambda x, y: _matched(_keys(x, "n_params", "n_tokens"), _keys(y, "n_params", "n_tokens")),
        "compute": lambda x, y: _matched(_keys(x, "flops"), _keys(y, "flops")),
        "interpolated": _interpolated,
        "run": lambda x, y: _matched(_places(x), _places(y)),
    }
    if by not in ways:
        raise UsageError(f"Unknown way of pairing {by!r}. Known: {', '.join(WAYS)}.")
    from_x, from_y = ways[by](x, y)
    if len(from_x) < 3:
        raise DataError(
            "E_FEW_PAIRS",
            f"a law between two losses needs three pairs; {len(x)} and {len(y)} runs make {len(from_x)} by {by}",
            remedy="pair by interpolated compute, or train the two sets at the same sizes",
        )
    return Pairs(x, y, np.exp(from_x @ np.log(x.loss)), np.exp(from_y @ np.log(y.loss)), (from_x, from_y), by)


def _keys(table: RunTable, *columns: str) -> list[tuple[float, ...]]:
    return list(zip(*(table.require(name) for name in columns), strict=True))


def _places(table: RunTable) -> list[tuple[Any, ...]]:
    return list(zip(table.run_id, table.n_tokens, strict=True))


def _matched(x: list[tuple[Any, ...]], y: list[tuple[Any, ...]]) -> tuple[Floats, Floats]:
    """Means over the rows of each key that both have, in the order of x."""
    kinds: list[tuple[Any, ...]] = []
    for key in x:
        if not any(_same(key, kind) for kind in kinds):
            kinds.append(key)
    in_x, in_y = (np.array([[_same(key, kind) for key in keys] for kind in kinds], dtype=float) for keys in (x, y))
    both = in_y.sum(axis=1) > 0
    from_x, from_y = (rows[both] / rows[both].sum(axis=1, keepdims=True) for rows in (in_x, in_y))
    return from_x, from_y


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return all(abs(s - t) <= CLOSE * abs(t) if isinstance(t, float) else s == t for s, t in zip(a, b, strict=True))


def _interpolated(x: RunTable, y: RunTable) -> tuple[Floats, Floats]:
    """Each frontier run of y on the frontier of x; y's beyond the ends of x are left out."""
    knots_of = _frontier(x)
    log_c, knots = np.log(y.require("flops")), np.log(x.flops[knots_of])
    rows_x, rows_y = [], []
    for j in _frontier(y):
        if len(knots) < 2 or not knots[0] <= log_c[j] <= knots[-1]:
            continue
        right = min(int(np.searchsorted(knots, log_c[j], side="right")), len(knots) - 1)
        share = (log_c[j] - knots[right - 1]) / (knots[right] - knots[right - 1])
        row = np.zeros(len(x))
        row[knots_of[right - 1]], row[knots_of[right]] = 1.0 - share, share
        rows_x.append(row)
        rows_y.append(np.eye(len(y))[j])
    return np.array(rows_x).reshape(-1, len(x)), np.array(rows_y).reshape(-1, len(y))


def _frontier(table: RunTable) -> list[int]:
    """The runs that none of less compute beats, by rising compute; of those with one C the best."""
    best, found = np.inf, list[int]()
    flops = table.require("flops")
    for i in np.lexsort((table.loss, flops)):
        if table.loss[i] < best:
            if not found or flops[i] > flops[found[-1]]:
                found.append(int(i))
            best = table.loss[i]
    return found
