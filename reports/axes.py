"""Limits and ticks of axes, the same for every renderer."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from reports.base import Axis
from reports.wording import number, power, quantity

PAD = 0.04
"""Empty space at either end, as a share of the span."""
MAX_DECADES = 9
MAX_DECIMALS = 5
"""Digits behind the point; ticks that would need more are written as powers of ten."""


def limits(values: Iterable[float], log: bool = False) -> tuple[float, float]:
    """The span of the finite values (positive ones on a log axis), padded.

    >>> limits([0.0, 1.0])
    (-0.04, 1.04)
    """
    numbers = np.array([v for v in values if math.isfinite(v) and (v > 0 or not log)])
    numbers = np.log(numbers) if log else numbers
    low, high = (numbers.min(), numbers.max()) if len(numbers) else (0.0, 1.0)
    pad = PAD * (high - low) or 0.05 * abs(high) or 1.0
    ends = (float(low - pad), float(high + pad))
    return (math.exp(ends[0]), math.exp(ends[1])) if log else ends


def ticks(axis: Axis) -> list[tuple[float, str]]:
    """Positions and texts.

    >>> [text for _, text in ticks(Axis("N", 8e6, 3e9, log=True, ticks="count"))]
    ['10M', '100M', '1B']
    """
    found = _log_positions if axis.log else _linear_positions
    positions = axis.at or found(axis.low, axis.high)
    return [(position, _text(position, axis)) for position in positions]


def _log_positions(low: float, high: float) -> list[float]:
    decades = math.log10(high / low)
    digits = (1,) if decades >= 2 else (1, 2, 5) if decades >= 1 else (1, 1.5, 2, 3, 4, 5, 7)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = math.ceil(decades / MAX_DECADES)
    candidates = [float(f"{d}e{n}") for n in range(first, last + 1) if n % every == 0 for d in digits]
    inside = [v for v in candidates if low <= v <= high]
    return inside if len(inside) >= 2 else _linear_positions(low, high)


def _linear_positions(low: float, high: float) -> list[float]:
    step = _step(low, high)
    return [float(f"{k * step:.12g}") for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _step(low: float, high: float) -> float:
    """1, 2 or 5 times a power of ten, for about six ticks."""
    rough = (high - low) / 6
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return min((m * magnitude for m in (1, 2, 5, 10)), key=lambda s: abs(math.log(s / rough)))


def _text(value: float, axis: Axis) -> str:
    if axis.ticks == "count":
        return quantity(value, "parameters", 3)
    if axis.ticks == "power" and axis.log:
        mantissa, exponent = f"{value:.1e}".split("e")
        return power(mantissa.removesuffix(".0"), int(exponent))
    decimals = max(0, -math.floor(math.log10(_step(axis.low, axis.high)) + 1e-9))
    if axis.log or axis.at or decimals > MAX_DECIMALS:
        return number(value)
    return f"{value:.{decimals}f}".replace("-", "−")
