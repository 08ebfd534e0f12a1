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
NEAR = 0.7
"""How far to either side of a guess, in logarithms, an answer is first looked for."""
BACK = 13
"""Places that are tried for a right end."""


def least(f: Callable[[Floats], Floats], near: float | None = None, xtol: float = 1e-12) -> float:
    """The x of the least local minimum of f, to about 1e-10 where f is smooth; NaN where there is none.

    A scan finds the minimum's neighbourhood (a law may fall without limit where nobody would go, such as at one token,
    so ends do not count), unless it is known to be `near` a place; there a root of the slope by differences of sixth
    order is found.
    """

    def slope(x: float) -> float:
        with np.errstate(invalid="ignore"):  # beyond the last size that can be afforded f is infinite
            return float(WEIGHTS @ f(x + STENCIL))

    if near is not None and slope(near - NEAR) < 0 < slope(near + NEAR):
        return float(brentq(slope, near - NEAR, near + NEAR, xtol=xtol, rtol=1e-14))
    values = f(SCAN)
    middle = values[1:-1]
    dips = (middle <= values[:-2]) & (middle < values[2:]) & np.isfinite(values[:-2]) & np.isfinite(values[2:])
    if not dips.any():
        return math.nan
    best = 1 + int(np.argmin(np.where(dips, middle, np.inf)))
    low, high = float(SCAN[best - 1]), float(SCAN[best + 1])
    if slope(low) < 0 < slope(high):
        return float(brentq(slope, low, high, xtol=xtol, rtol=1e-14))
    fine = np.linspace(low, high, 4001)
    return float(fine[int(np.argmin(f(fine)))])


def crossing(f: Callable[[float], float], high: float, low: float, near: float | None = None) -> float:
    """The x at which a falling f crosses zero between the ends, near a place if one is known; NaN where it does not.

    f may be infinite where there is nothing to evaluate: at the left, and at the right where a law is flat to rounding.
    Steps back from the right, then halving, bring both ends to where it is a number; Brent's method does the rest.
    """
    if near is not None and f(near + NEAR) < 0 < f(near - NEAR) < math.inf:
        return float(brentq(f, near - NEAR, near + NEAR, xtol=1e-13, rtol=1e-14))
    high = last_finite(f, high, low)
    if not f(high) < 0 < f(low):
        return math.nan
    while high - low > 1e-9:
        if math.isfinite(f(low)):
            return float(brentq(f, low, high, xtol=1e-13, rtol=1e-14))
        middle = 0.5 * (low + high)
        low, high = (middle, high) if f(middle) > 0 else (low, middle)
    return math.nan


def last_finite(f: Callable[[float], float], high: float, low: float) -> float:
    """The farthest right of a few x between the ends, the right one first, where f is a number; else that right end."""
    return next((x for x in np.linspace(high, low, BACK).tolist() if math.isfinite(f(x))), high)
