"""IsoFLOP sweeps in a table: rows of equal compute at several N, and the parabola through each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import CannotLook
from scalelaw.laws.base import Floats
from scalelaw.runs import RunTable

GAP = 0.05
"""Budgets are apart by more than this in ln C, and rows of one budget are closer."""
WIDTH = 0.1
"""A budget's rows lie within this in ln C."""
SIZES = 5
"""Sizes that make a sweep."""
MOST = 0.8
"""Share of the rows that must lie in sweeps: the diagonals of a grid of N and D are none."""


@dataclass(frozen=True)
class Budget:
    """The rows of one compute budget, by index, and its C = 6 N D."""

    rows: NDArray[np.intp]
    flops: float


def budgets(runs: RunTable) -> list[Budget]:
    """The IsoFLOP sweeps of a table, by rising compute. Raises `CannotLook` where the design is another."""
    columns.known(runs, "n_params", "n_tokens")
    log_C = np.log(6.0 * runs.n_params * runs.n_tokens)
    order = np.argsort(log_C, kind="stable")
    clusters = np.split(order, np.flatnonzero(np.diff(log_C[order]) > GAP) + 1)
    sweeps = [c for c in clusters if np.ptp(log_C[c]) <= WIDTH and len(np.unique(runs.n_params[c])) >= SIZES]
    if sum(map(len, sweeps)) < MOST * len(runs):
        raise CannotLook(f"the runs are no IsoFLOP sweeps ({SIZES} sizes or more at each of some budgets)")
    return [Budget(c, float(np.exp(log_C[c].mean()))) for c in sweeps]


def vertex(n_params: Floats, loss: Floats) -> float:
    """ln N at the minimum of the parabola through the losses over ln N; NaN where it opens downwards."""
    centre = np.log(n_params).mean()
    curvature, slope, _ = np.polyfit(np.log(n_params) - centre, loss, 2)
    return float(centre - slope / (2 * curvature)) if curvature > 0 else float("nan")
