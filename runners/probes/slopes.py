"""`Slope`: how a size follows the width or the depth, against what theory allows. Needs no torch.

Seed by seed, log2 size = slope x log2 value + constant by least squares. Dimensions: V values, R seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOLERANCE = 0.05
"""How far beyond theory a slope may lie: a factor of 1.19 over a range of 32.."""
ERRORS = 2.0
"""Standard errors by which a slope must lie beyond that to be called a departure."""


class Verdict(StrEnum):
    """What slopes say, from good to bad; together they say the worst of them."""

    flat = "flat"
    undecided = "undecided"
    vanishes = "vanishes"
    grows = "grows"


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope of log2 size, its standard error over the seeds, and the slope theory asks for.

    `value` is None where a size is 0, as that of queries that start at zero, and infinite where one overflowed; neither
    has a standard error.
    """

    value: float | None
    standard_error: float | None
    theory: float = 0.0
    tolerance: float = TOLERANCE

    @property
    def verdict(self) -> Verdict:
        """Flat is as theory says; undecided, that the seeds scatter too much to say it. No size, no growth."""
        if self.value is None:
            return Verdict.flat
        error = self.standard_error or 0.0
        if abs(self.value - self.theory) > self.tolerance + ERRORS * error:
            return Verdict.grows if self.value > self.theory else Verdict.vanishes
        return Verdict.flat if error <= self.tolerance else Verdict.undecided

    def __str__(self) -> str:
        if self.value is None:
            return "zero"
        error = "" if self.standard_error is None else f" ± {self.standard_error:.3f}"
        return f"{self.value:+.3f}{error}"


def fit_slope(values: Sequence[int], sizes_VR: Floats, theory: float = 0.0, tolerance: float = TOLERANCE) -> Slope:
    """The mean of the seeds' slopes and its standard error."""
    if not np.isfinite(sizes_VR).all():
        return Slope(math.inf, None, theory, tolerance)
    if (sizes_VR == 0).any():
        return Slope(None, None, theory, tolerance)
    x_V = np.log2(values) - np.log2(values).mean()
    slope_R = x_V @ np.log2(sizes_VR) / (x_V @ x_V)
    error = float(slope_R.std(ddof=1) / math.sqrt(len(slope_R)))
    return Slope(float(slope_R.mean()), error, theory, tolerance)


def worst(slopes: Sequence[Slope]) -> Verdict:
    """The verdict of them all together."""
    return max((slope.verdict for slope in slopes), key=list(Verdict).index)
