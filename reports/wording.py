"""Numbers as a reader sees them."""

from __future__ import annotations

import math

from reports.base import Cell, Quantity, Range
from scalelaw.numbers import format_quantity

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
COUNTS = ("parameters", "tokens")
"""Units whose numbers are written with a suffix: 70.4B."""
CLIP = 60


def number(value: float, digits: int = 4) -> str:
    """A number with so many significant digits; powers of ten outside 0.001 to 100,000.

    >>> number(5.76e23), number(0.34731), number(1e-4), number(float("inf"))
    ('5.76×10²³', '0.3473', '10⁻⁴', '∞')
    """
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "–")
    shown = f"{value:.{digits}g}"
    if value != 0 and not 1e-3 <= abs(float(shown)) < 1e5:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return power(mantissa.rstrip("0").rstrip("."), int(exponent))
    plain = f"{float(shown):f}".rstrip("0").rstrip(".") if "e" in shown else shown
    return plain.replace("-", "−")


def power(mantissa: str, exponent: int) -> str:
    """A mantissa times a power of ten; a mantissa of 1 is left out.

    >>> power("1", 21), power("-2.5", -3)
    ('10²¹', '−2.5×10⁻³')
    """
    ten = "10" + str(exponent).translate(_SUPERSCRIPT)
    return ten if mantissa == "1" else f"{mantissa.replace('-', '−')}×{ten}"


def quantity(value: float, unit: str, digits: int = 4) -> str:
    """A number written as its unit asks, without the unit.

    >>> quantity(7.04e10, "parameters"), quantity(5.76e23, "FLOP")
    ('70.4B', '5.76×10²³')
    """
    if unit in COUNTS and 1.0 <= abs(value) < 1e15:
        return format_quantity(value, digits=digits)
    return number(value, digits)


def with_unit(value: float, unit: str, digits: int = 3) -> str:
    """A number and its unit.

    >>> with_unit(7.04e10, "parameters")
    '70.4B parameters'
    """
    return f"{quantity(value, unit, digits)} {unit}".rstrip()


def show(cell: Cell) -> str:
    """A table's cell as text.

    >>> show(Range(0.31, 0.36)), show(None)
    ('0.31 to 0.36', '–')
    """
    match cell:
        case None:
            return "–"
        case Quantity(value, unit):
            return quantity(value, unit)
        case Range(low, high, unit):
            return f"{quantity(low, unit)} to {quantity(high, unit)}"
        case int():
            return f"{cell:,}"
        case _:
            return cell


def clip(text: str) -> str:
    """A name that fits a line: control characters become spaces, a long one is cut in the middle.

    >>> clip("a" * 100) == "a" * 30 + "…" + "a" * 29
    True
    """
    line = "".join(char if char.isprintable() else " " for char in text)
    return line if len(line) <= CLIP else f"{line[: CLIP // 2]}…{line[1 - CLIP // 2 :]}"


def count(n: int, noun: str) -> str:
    """A number of things, plural where it is not one.

    >>> count(1, "run"), count(1234, "run")
    ('1 run', '1,234 runs')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
