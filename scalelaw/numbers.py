"""Numbers as people write them in run tables and on command lines: `70M`, `1.4T`, `1e21`, `124,000,000`."""

from __future__ import annotations

import math
import re
import unicodedata

SUFFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12, "P": 1e15}
_GROUPS = "[,_\u00a0\u202f\u2009]"  # comma, underscore, no-break and thin spaces
_GROUPED = re.compile(rf"[+-]?\d{{1,3}}(?:{_GROUPS}\d{{3}})+(?:\.\d*)?")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]?)", re.ASCII)
_SWAP_POINT_AND_COMMA = str.maketrans(".,", ",.")


def parse_number(text: str, decimal: str = ".") -> float:
    """The value of a number as written; `decimal` is the decimal mark, a point or a comma.

    Understands suffixes (k, M, B or G, T, P), powers of ten and thousands separators that leave no doubt. A single
    comma group such as `2,413` may be a decimal comma, so it is refused. Raises `ValueError` saying why the text is
    not a number, and `OverflowError` where it does not fit 64 bits.

    >>> parse_number("70M"), parse_number("1.4T"), parse_number("1e21"), parse_number("124,000,000")
    (70000000.0, 1400000000000.0, 1e+21, 124000000.0)
    >>> parse_number("2,413", decimal=",")
    2.413
    """
    cleaned = text.strip()
    if decimal == ",":
        cleaned = cleaned.translate(_SWAP_POINT_AND_COMMA)
    if _GROUPED.fullmatch(cleaned):
        cleaned = _ungrouped(cleaned)
    match = _NUMBER.fullmatch(cleaned)
    if match is None:
        raise ValueError(_why_not(cleaned))
    digits, suffix = match.groups()
    if suffix not in SUFFIXES:
        raise ValueError(f"unknown suffix {suffix!r}; known: k, M, B or G, T, P")
    value = float(digits) * SUFFIXES[suffix]
    if math.isinf(value):
        raise OverflowError("too large for a 64-bit number")
    return value


def _ungrouped(text: str) -> str:
    if text.count(",") == 1 and "." not in text:
        raise ValueError("one comma may be a thousands separator or a decimal comma")
    return re.sub(_GROUPS, "", text)


def _why_not(text: str) -> str:
    """Why a text is no number; a sign that only looks like ASCII is named by its code point."""
    strange = [char for char in text if not char.isascii() and not char.isalnum() and not char.isspace()]
    if not strange:
        return "not a number"
    name = unicodedata.name(strange[0], "an unnamed character")
    return f"not a number: it holds U+{ord(strange[0]):04X} ({name})"


def ascii_digits(text: str) -> str:
    """The text with the decimal digits of every script as 0-9; superscripts and fractions stay as they are.

    >>> ascii_digits("２.４１")
    '2.41'
    """
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)


def format_quantity(value: float, unit: str = "", digits: int = 3) -> str:
    """A count with a suffix, `7.0e10 -> 70B`; powers of ten beyond 10^18.

    >>> format_quantity(7e10), format_quantity(1234.0), format_quantity(3.2e21, "FLOP")
    ('70B', '1.23k', '3.2e+21 FLOP')
    """
    shown = f"{value:.{digits}g}"
    for suffix, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if scale <= abs(float(shown)) < 1e15:
            shown = f"{value / scale:.{digits}g}{suffix}"
            break
    return f"{shown} {unit}".rstrip()
