"""Where a function of a logarithm is least, and where it crosses zero."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from scalelaw.runs import Floats

SCAN = np.linspace(0.0, 96.0, 577)
"""Log sizes among which the least value is first looked for, from one parameter to 10^41."""
STEP = 4e-3
"""Of the differences that make the slope: their truncation, of order STEP^6, and rounding, of 1e-16/STEP, are alike."""
STENCIL = STEP * np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
WEIGHTS = np.array([-1.0, 9.0, -45.0, 45.0, -9.0, 1.0]) / (60.0 * STEP)


def least(f: Callable[[Floats], Floats]) -> float:
    """The x of the least local minimum of a smooth f, to about 1e-10; NaN where there is none.

    A scan finds the minimum's neighbourhood (a law may fall without limit where nobody would go, such as at one token,
    so ends do not count); there a root of the slope by differences of sixth order is found.
    """
    values = f(SCAN)
    middle = values[1:-1]
    with np.errstate(invalid="ignore"):
        dips = (middle <= values[:-2]) & (middle < values[2:]) & np.isfinite(values[:-2]) & np.isfinite(values[2:])
    if not dips.any():
        return math.nan
    best = 1 + int(np.argmin(np.where(dips, middle, np.inf)))

    def slope(x: float) -> float:
        return float(WEIGHTS @ f(x + STENCIL))

    low, high = float(SCAN[best - 1]), float(SCAN[best + 1])
    if not slope(low) < 0 < slope(high):
        fine = np.linspace(low, high, 4001)
        return float(fine[int(np.argmin(f(fine)))])
    return float(brentq(slope, low, high, xtol=1e-12, rtol=1e-14))


def crossing(f: Callable[[float], float], high: float, low: float = 0.0) -> float:
    """The x between the ends where a falling f crosses zero; NaN where it does not."""
    if not (f(high) < 0):
        return math.nan
    if not (f(low) > 0):
        return math.nan
    return math.exp(brentq(f, low, high, xtol=1e-13, rtol=1e-14))
