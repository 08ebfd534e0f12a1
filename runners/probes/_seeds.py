"""Intervals from repetitions: Student's t around a mean, or around anything by the jackknife. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from scalelaw.results import Interval, Unavailable

FEWEST = 3
"""Seeds below which an interval is refused: with two, Student's t is 12.7 and the answer is anyone's guess."""


def mean_interval(
    target: str, values: ArrayLike, level: float, unit: str = "", of: str = "seeds"
) -> Interval | Unavailable:
    """mean +- t_{n-1} s / sqrt(n) of n independent values."""
    x = np.asarray(values, dtype=float)
    n = len(x)
    if n < FEWEST:
        return too_few(target, n, unit, of)
    if not np.isfinite(x).all():
        return Unavailable(target, f"{int((~np.isfinite(x)).sum())} of {n} {of} have no finite value", unit)
    error = float(x.std(ddof=1)) / n**0.5
    return _around(target, float(x.mean()), error, n, level, f"Student's t over {n} {of}", unit)


def jackknife_interval(
    target: str, estimate: float, without: Sequence[float], level: float, unit: str = "", of: str = "seeds"
) -> Interval | Unavailable:
    """estimate +- t_{n-1} s, where s^2 = (n - 1) / n sum_i (theta_(i) - mean theta_(.))^2 over leaving out each.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap.
    """
    theta, n = np.asarray(without, dtype=float), len(without)
    if n < FEWEST:
        return too_few(target, n, unit, of)
    if not np.isfinite(theta).all() or not np.isfinite(estimate):
        return Unavailable(target, f"without one of the {n} {of} there is no estimate", unit)
    error = float(np.sqrt((n - 1) / n * ((theta - theta.mean()) ** 2).sum()))
    return _around(target, estimate, error, n, level, f"jackknife over {n} {of}, Student's t", unit)


def too_few(target: str, n: int, unit: str = "", of: str = "seeds") -> Unavailable:
    """Why there is no interval."""
    return Unavailable(target, f"an interval needs at least {FEWEST} {of}; found {n}", unit)


def _around(target: str, centre: float, error: float, n: int, level: float, method: str, unit: str) -> Interval:
    half = float(student.ppf(0.5 + level / 2, n - 1)) * error
    return Interval(target, centre, centre - half, centre + half, level, method, unit)
