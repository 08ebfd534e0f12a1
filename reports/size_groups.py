"""Runs by model size, or by tokens: at most eight groups, each with a colour, so that a legend stays readable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.palette import RAMP, ramp
from scalelaw.numbers import format_quantity
from scalelaw.runs import RunTable

MAX_POINTS = 5000
"""Runs a figure known; more are thinned evenly, which its caption says."""


@dataclass(frozen=True)
class SizeGroup:
    """Runs of one size, or of a range of sizes. `middle` is their median, `rows` their places in the table."""

    label: str
    colour: str
    middle: float
    rows: NDArray[np.intp]


def drawn_rows(runs: RunTable) -> NDArray[np.intp]:
    """The rows figures draw: all of them, or `MAX_POINTS` evenly spread."""
    n = len(runs)
    return np.arange(n) if n <= MAX_POINTS else np.linspace(0, n - 1, MAX_POINTS).astype(np.intp)


def thinned(runs: RunTable) -> str:
    """What a caption says when not every run is drawn; empty when they all are."""
    n = len(runs)
    return "" if n <= MAX_POINTS else f" {MAX_POINTS:,} of {n:,} runs are drawn, evenly spread over the table."


def size_groups(runs: RunTable, column: str = "n_params") -> list[SizeGroup]:
    """The drawn runs by size, or another column of counts, smallest first; one group where it was not logged."""
    rows, values = drawn_rows(runs), runs.column(column)
    sizes = values[rows]
    if not np.isfinite(sizes).all():
        return [SizeGroup("runs", "accent", float("nan"), rows)]
    members = [rows[which] for which in _split(sizes)]
    colours = ramp(len(members))
    return [
        SizeGroup(_label(values[part]), colour, float(np.median(values[part])), part)
        for part, colour in zip(members, colours, strict=True)
    ]


def _split(sizes: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Places of each distinct size, or of each of `RAMP` equal ranges of its logarithm that is not empty."""
    distinct = np.unique(sizes)
    if len(distinct) <= RAMP:
        return [np.flatnonzero(sizes == size) for size in distinct]
    edges = np.geomspace(distinct[0], distinct[-1], RAMP + 1)[1:-1]
    which = np.searchsorted(edges, sizes, side="right")
    return [np.flatnonzero(which == k) for k in range(RAMP) if (which == k).any()]


def _label(sizes: NDArray[np.float64]) -> str:
    low, high = format_quantity(float(sizes.min())), format_quantity(float(sizes.max()))
    return low if low == high else f"{low} to {high}"
