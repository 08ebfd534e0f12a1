"""Cells -> numbers, with every cell that is none refused by name and reason."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalelaw.numbers import ascii_digits, parse_number
from scalelaw.readers.base import Cells, lines_text
from scalelaw.runs import Floats, Note

MISSING = {"", "-", "--", "na", "n/a", "null", "none"}
"""How people write that there is no value, in lower case. `nan` is not among them: it is what a diverged run logs."""

LONGEST = 60
"""Characters that a message shows of a cell that is no number, such as a list."""

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A cell that cannot be used: the row's index, the column as the file names it, and why."""

    row: int
    code: str
    column: str
    value: str
    problem: str
    remedy: str = "correct the cell"


@dataclass(frozen=True)
class Parsed:
    """A column as numbers. NaN stands for a missing cell, or for one that `refused` tells of."""

    values: Floats
    refused: tuple[Refusal, ...] = ()
    notes: tuple[Note, ...] = ()


def parse_column(cells: Cells, quantity: str, column: str, decimal: str = ".") -> Parsed:
    """The numbers of a column. `quantity` is what they will be; messages name the column as the file does."""
    raw = cells.columns[column]
    values = _plain_floats(raw) if decimal == "." else None
    if values is None:
        return _cell_by_cell(cells, quantity, column, decimal)
    odd = np.flatnonzero(~np.isfinite(values)).tolist()
    values[odd] = np.nan
    return Parsed(values, tuple(_non_finite(i, column, raw[i]) for i in odd))


def _plain_floats(raw: Sequence[Any]) -> Floats | None:
    """The whole column at once when every cell is a number or plain ASCII text of one; None otherwise.

    `float` would also take digits of other scripts and underscores anywhere, so such text goes the careful way.
    """
    kinds = set(map(type, raw))
    try:
        if kinds <= {int, float}:
            return np.fromiter(raw, dtype=float, count=len(raw))
        joined = "".join(raw) if kinds == {str} else "_"
        if joined.isascii() and "_" not in joined:
            return np.fromiter(map(float, raw), dtype=float, count=len(raw))
    except (ValueError, OverflowError):
        pass
    return None


def _cell_by_cell(cells: Cells, quantity: str, column: str, decimal: str) -> Parsed:
    raw = cells.columns[column]
    values = np.full(len(raw), np.nan)
    refused: list[Refusal] = []
    foreign: list[int] = []
    suffix_b: list[int] = []
    for i, cell in enumerate(raw):
        text = ascii_digits(str(cell).strip()) if isinstance(cell, str) else cell
        try:
            values[i] = _number(text, decimal)
        except OverflowError:
            refused.append(_non_finite(i, column, cell))
        except ValueError as error:
            refused.append(_not_a_number(cells, i, column, cell, error))
        else:
            if isinstance(cell, str):
                foreign += [i] * (text != cell.strip())
                suffix_b += [i] * (quantity == "n_tokens" and text.endswith("B"))
    return Parsed(values, tuple(refused), _reading_notes(cells, column, foreign, suffix_b))


def _number(cell: Any, decimal: str) -> float:
    """A cell's number, NaN where it is missing. Raises `ValueError`, or `OverflowError` where it is not finite."""
    if cell is None:
        return math.nan
    if isinstance(cell, str):
        if cell.lower() in MISSING:
            return math.nan
        if cell.lower().lstrip("+-") in ("nan", "inf", "infinity"):
            raise OverflowError(cell)
        return parse_number(cell, decimal)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise ValueError(f"{type(cell).__name__} is not a number")
    if not math.isfinite(cell):
        raise OverflowError(cell)
    return float(cell)


def _non_finite(row: int, column: str, cell: object) -> Refusal:
    return Refusal(row, "E_NON_FINITE", column, str(cell), f"{column} must be a finite number")


def _not_a_number(cells: Cells, row: int, column: str, cell: object, error: ValueError) -> Refusal:
    text = str(cell) if len(str(cell)) <= LONGEST else f"{str(cell)[:LONGEST]}..."
    if cells.separator in (";", "\t") and _DECIMAL_COMMA.fullmatch(text.strip()):
        problem = f"{column} seems to be written with a decimal comma"
        return Refusal(row, "E_DECIMAL_COMMA", column, text, problem, "read it with --decimal ,")
    if text.strip() == column:
        problem = "a repeated header: two files seem to have been joined"
        return Refusal(row, "E_NOT_A_NUMBER", column, text, problem, "delete the line, or read the files separately")
    return Refusal(row, "E_NOT_A_NUMBER", column, text, f"{column} cannot be read as a number ({error})")


def _reading_notes(cells: Cells, column: str, foreign: list[int], suffix_b: list[int]) -> tuple[Note, ...]:
    notes = []
    if foreign:
        at = tuple(cells.line[foreign].tolist())
        message = f"{lines_text(at)}, column {column}: digits of another script, read as 0-9"
        notes.append(Note("W_UNICODE_DIGITS", message, at))
    if suffix_b:
        at = tuple(cells.line[suffix_b].tolist())
        notes.append(Note("W_SUFFIX_B", f"{lines_text(at)}, column {column}: the suffix B is read as 1e9", at))
    return tuple(notes)
