"""Runs by model size, or by tokens: at most eight groups, each with a colour, so that a legend stays readable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reports.palette import RAMP, ramp
from reports.thinning import drawn_rows
from scalelaw.numbers import format_quantity
from scalelaw.runs import RunTable


@dataclass(frozen=True)
class SizeGroup:
    """Runs of one size, or of a range of sizes. `middle` is their median, `rows` their places in the table."""

    label: str
    colour: str
    middle: float
    rows: NDArray[np.intp]


def size_groups(runs: RunTable, column: str = "n_params", residuals: ArrayLike | None = None) -> list[SizeGroup]:
    """The drawn runs by size, or another column of counts, smallest first; one group where it was not logged.

    Of very many runs those are drawn that `drawn_rows` keeps; with the residuals of a fit, the largest among them.
    """
    rows, values = drawn_rows(runs, residuals), runs.column(column)
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
