"""Estimates with their intervals as a reader would say them."""

from __future__ import annotations

from reports.wording import COUNTS, quantity, with_unit
from scalelaw.results import Interval, Unavailable


def with_interval(interval: Interval | Unavailable) -> str:
    """An estimate with its unit, level and ends, or why there is none.

    >>> with_interval(Interval("N*", 7.04e10, 6.1e10, 8.2e10, 0.95, "wald", "parameters"))
    '70.4B parameters (95% interval 61B to 82B)'
    """
    if isinstance(interval, Unavailable):
        return str(interval)
    estimate = with_unit(interval.estimate, interval.unit, _digits(interval))
    return f"{estimate} ({interval.level:.0%} interval {ends(interval)})"


def ends(interval: Interval) -> str:
    """The two ends, without the unit."""
    low, high = (quantity(end, interval.unit, _digits(interval)) for end in (interval.low, interval.high))
    return f"{low} to {high}"


def _digits(interval: Interval) -> int:
    """Losses differ in the third digit, sizes in the first."""
    return 3 if interval.unit in COUNTS else 4


def listed(names: list[str]) -> str:
    """Names as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
