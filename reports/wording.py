"""Numbers, and estimates with their intervals, as a reader sees them."""

from __future__ import annotations

import hashlib
import math
import re
from textwrap import wrap

from reports.base import Cell, Quantity, Range
from scalelaw.numbers import format_quantity
from scalelaw.results import Interval, Unavailable

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
COUNTS = ("parameters", "tokens", "USD", "device-hours")
"""Units whose numbers are written with a suffix: 70.4B."""
CLIP = 60
"""Characters of a name in a line of text."""
LONGEST_WORD = 160
"""Characters of a word without a space; the JSON beside a report has it whole."""


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

    >>> with_unit(7.04e10, "parameters"), with_unit(1.0, "days")
    ('70.4B parameters', '1 day')
    """
    shown = quantity(value, unit, digits)
    return f"{shown} {unit.removesuffix('s') if shown == '1' else unit}".rstrip()


def show(cell: Cell) -> str:
    """A table's cell as text.

    >>> show(Range(0.31, 0.36)), show(None)
    ('0.31 to 0.36', '–')
    """
    match cell:
        case None:
            return "–"
        case Quantity(value, unit, digits):
            return quantity(value, unit, digits)
        case Range(low, high, unit):
            return span(low, high, unit)
        case int():
            return f"{cell:,}"
        case _:
            return cell


def span(low: float, high: float, unit: str = "", digits: int = 4) -> str:
    """Two ends, which keep a last zero where the other end has a digit.

    >>> span(2.4431, 2.46), span(6.1e8, 1.2e9, "tokens")
    ('2.443 to 2.460', '610M to 1.2B')
    """
    ends = [quantity(end, unit, digits) for end in (low, high)]
    decimals = [len(end.partition(".")[2]) for end in ends]
    if all(re.fullmatch(r"−?\d+\.\d+", end) for end in ends):
        ends = [_longer(end, max(decimals), digits) for end in ends]
    return " to ".join(ends)


def _longer(shown: str, decimals: int, digits: int) -> str:
    """With zeros at its end, as far as so many digits in all allow."""
    significant = len(shown.removeprefix("−").replace(".", "").lstrip("0"))
    return shown + "0" * max(0, min(decimals - len(shown.partition(".")[2]), digits - significant))


def percent(share: float) -> str:
    """A level or another share, with the digits it has.

    >>> percent(0.95), percent(0.999), percent(2 / 3)
    ('95%', '99.9%', '66.67%')
    """
    return f"{number(100 * share)}%"


def with_interval(interval: Interval | Unavailable) -> str:
    """An estimate with its unit, level and ends; without ends where it was given, or why there is none.

    >>> with_interval(Interval("N*", 7.04e10, 6.1e10, 8.2e10, 0.95, "wald", "parameters"))
    '70.4B parameters (95% interval 61B to 82B)'
    """
    if isinstance(interval, Unavailable):
        return str(interval)
    estimate = with_unit(interval.estimate, interval.unit, _digits(interval))
    if interval.low == interval.high:
        return estimate
    return f"{estimate} ({percent(interval.level)} interval {ends(interval)})"


def ends(interval: Interval) -> str:
    """The two ends, without the unit."""
    return span(interval.low, interval.high, interval.unit, _digits(interval))


def _digits(interval: Interval) -> int:
    """Losses differ in the third digit, sizes in the first."""
    return 3 if interval.unit in COUNTS else 4


def listed(names: list[str]) -> str:
    """Names as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def visible(text: str) -> str:
    """Text in which nothing acts unseen: control characters, bidirectional overrides and the like by their numbers.

    Line breaks and tabs become spaces.

    >>> visible("run\\u202e100nur\\tred\\x1b[31m")
    'run[U+202E]100nur red[U+001B][31m'
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    return " " if char.isspace() and char not in "\x1c\x1d\x1e\x1f\u2028\u2029" else f"[U+{ord(char):04X}]"


def clip(text: str, at_most: int = CLIP) -> str:
    """A name that fits a line: made visible, and a long one cut in the middle, with a hash that tells it from others.

    >>> clip("r" * 5000)
    'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrr…rrrrrrrrrrrrrrrrrrrrrr#bca961'
    """
    line = visible(text)
    if len(line) <= at_most:
        return line
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    head = at_most // 2
    return f"{line[:head]}…{line[head + 8 - at_most :]}#{digest}"


def in_lines(text: str, at_most: int = 40) -> str:
    """A label broken into lines that fit beside a narrow axis.

    >>> in_lines("a column of a very long name, in units of something else")
    'a column of a very long name, in units\\nof something else'
    """
    return "\n".join(wrap(visible(text), at_most))


def tidy(text: str) -> str:
    """A sentence or a name as a page shows it: visible, single spaced, each endless word clipped.

    >>> tidy("two\\nlines"), len(tidy("r" * 5000))
    ('two lines', 160)
    """
    words = visible(text).split()
    return " ".join(clip(word, LONGEST_WORD) for word in words)


def count(n: int, noun: str) -> str:
    """A number of things, plural where it is not one.

    >>> count(1, "run"), count(1234, "run")
    ('1 run', '1,234 runs')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
