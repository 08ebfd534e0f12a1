"""Names of runs as they may be shown: none too long for a line, none that reads other than it is written."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from scalelaw.readers.base import Cells, lines_text
from scalelaw.runs import Note

LONGEST = 200
"""Characters of a name; file names have 255 bytes at most."""
_KEPT, _DIGITS = 160, 12
SHOWN = 5
"""Kinds of invisible characters that a note lists."""


def with_safe_names(cells: Cells, columns: Iterable[str | None]) -> Cells:
    """The cells with names beyond `LONGEST` shortened, and a note on those that hold invisible characters.

    Invisible are characters of Unicode's category Cf: marks that turn the direction of reading, and such of no width,
    with which one name passes for another. They are kept; what shows a name on a terminal writes them out.
    """
    notes: list[Note] = []
    changed: dict[str, Sequence[Any]] = {}
    for column in {name for name in columns if name is not None}:
        names = cells.columns[column]
        texts = [name for name in names if isinstance(name, str)]
        if max(map(len, texts), default=0) > LONGEST:
            changed[column] = [shortened(name) if isinstance(name, str) else name for name in names]
        if not "".join(texts).isascii():
            notes += _invisible(cells, column)
    if not changed and not notes:
        return cells
    return replace(cells.with_columns(changed), notes=(*cells.notes, *notes))


def shortened(name: str) -> str:
    """A name of at most `LONGEST` characters: itself, or its beginning and a hash of the whole.

    >>> shortened("run-7"), len(shortened("r" * 5000)), shortened("r" * 5000) == shortened("r" * 5001)
    ('run-7', 175, False)
    """
    if len(name) <= LONGEST:
        return name
    return f"{name[:_KEPT]}...{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:_DIGITS]}"


def _invisible(cells: Cells, column: str) -> list[Note]:
    found = [
        (row, next((c for c in name if unicodedata.category(c) == "Cf"), ""))
        for row, name in enumerate(cells.columns[column])
        if isinstance(name, str) and not name.isascii()
    ]
    rows = [row for row, mark in found if mark]
    if not rows:
        return []
    lines = tuple(cells.line[rows].tolist())
    marks = dict.fromkeys(f"U+{ord(mark):04X} {unicodedata.name(mark, '')}".strip() for _, mark in found if mark)
    which = ", ".join(list(marks)[:SHOWN])
    message = f"{lines_text(lines)}, column {column}: names with invisible characters ({which}) may read as others"
    return [Note("W_CONTROL_CHAR", message, lines)]
