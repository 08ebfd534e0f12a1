"""Which of very many runs a figure draws: those a reader would miss, and an even sample of the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalelaw.runs import RunTable

Rows = NDArray[np.intp]

MAX_POINTS = 2000
"""Runs a figure holds; of more, some are left out, which its caption says."""
OUTLIERS = 100
"""Runs farthest from the law that are always drawn."""
FRONTIER = 600
"""Runs of the frontier that are drawn; of more, evenly many along it."""
CELLS = 48
"""Cells a side of the grid over compute and loss from which the sample is taken in turn."""


def drawn_rows(runs: RunTable, residuals: ArrayLike | None = None) -> Rows:
    """The rows figures draw, in the table's order: all, or `MAX_POINTS` of them.

    Kept are the extremes of every quantity, the frontier (no run of less compute has a lower loss) and, given the
    residuals of a fit, the largest of them. The others are taken in turn from the cells of a grid over compute and
    loss, so that crowded places are thinned and lonely runs stay.
    """
    n = len(runs)
    if n <= MAX_POINTS:
        return np.arange(n)
    kept = np.unique(np.concatenate([_extremes(runs), _frontier(runs), _outliers(residuals)]))
    others = np.setdiff1d(_in_turn(_cell(runs)), kept, assume_unique=True)
    return np.sort(np.concatenate([kept, others[: MAX_POINTS - len(kept)]]))


def thinned(runs: RunTable) -> str:
    """What a caption says when not every run is drawn; empty when they all are."""
    n = len(runs)
    if n <= MAX_POINTS:
        return ""
    return (
        f" {MAX_POINTS:,} of {n:,} runs are drawn: the extremes, the frontier, those farthest from the law, and a "
        "sample of the others that thins crowded places."
    )


def _extremes(runs: RunTable) -> Rows:
    columns = [c for c in (runs.n_params, runs.n_tokens, runs.flops, runs.loss) if np.isfinite(c).any()]
    return np.array([end(column) for column in columns for end in (np.nanargmin, np.nanargmax)], dtype=np.intp)


def _frontier(runs: RunTable) -> Rows:
    """The runs that lower the least loss so far, in order of compute."""
    order = np.argsort(_compute(runs), kind="stable")
    loss = runs.loss[order]
    best_before = np.concatenate([[np.inf], np.minimum.accumulate(loss)[:-1]])
    frontier = order[loss < best_before]
    places = np.linspace(0, len(frontier) - 1, min(len(frontier), FRONTIER)).astype(np.intp)
    return np.asarray(frontier[places])


def _outliers(residuals: ArrayLike | None) -> Rows:
    if residuals is None:
        return np.array([], dtype=np.intp)
    size = np.abs(np.asarray(residuals, dtype=float))
    return np.asarray(np.argsort(-size, kind="stable")[:OUTLIERS])


def _compute(runs: RunTable) -> NDArray[np.float64]:
    """Compute, or what a run has instead: tokens or parameters where those are all that was logged."""
    columns = (runs.flops, runs.n_tokens, runs.n_params)
    return next((c for c in columns if np.isfinite(c).all()), np.zeros(len(runs)))


def _cell(runs: RunTable) -> NDArray[np.int64]:
    """The cell of a grid over the logarithms of compute and loss that each run lies in."""
    x, y = (_ranked(np.log(np.maximum(v, np.finfo(float).tiny))) for v in (_compute(runs), runs.loss))
    return x * CELLS + y


def _ranked(values: NDArray[np.float64]) -> NDArray[np.int64]:
    low, high = values.min(), values.max()
    share = (values - low) / (high - low) if high > low else np.zeros(len(values))
    return np.minimum(share * CELLS, CELLS - 1).astype(np.int64)


def _in_turn(cell: NDArray[np.int64]) -> Rows:
    """All rows: the first of every cell, then the second of every cell, and so on."""
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    first = np.searchsorted(ordered, ordered, side="left")
    turn = np.arange(len(cell)) - first
    return np.asarray(order[np.argsort(turn, kind="stable")])
