"""Columns that are products of logged ones: tokens = step * batch_tokens, FLOPs = gigaflops * 1e9."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.numbers import parse_number
from scalelaw.readers.base import Cells
from scalelaw.readers.columns import ALIASES, has_usual, plain_name
from scalelaw.readers.mapping import QUANTITY_COLUMNS, ColumnMap
from scalelaw.readers.parsing import parse_column
from scalelaw.runs import Floats, Note

STEPS = ("step", "_step", "global_step", "iteration", "iter", "steps")
TOKENS_PER_STEP = ("tokens_per_step", "batch_tokens", "tokens_per_batch", "global_batch_tokens", "tokens_per_iter")
"""The usual names of what tokens are the product of, most telling first."""
ORDER = "order in the log"
"""The column that counts the points of a run that logged no step; no product is made of it unasked."""


def with_products(cells: Cells, wanted: ColumnMap, decimal: str) -> tuple[Cells, ColumnMap]:
    """The cells with a column for every product that `wanted` names, and a `ColumnMap` that names these columns.

    A product is columns and numbers with `*` between: `step*32768`, `steps*batch_size*seq_len`. Where tokens are
    neither named nor logged and a step and the tokens of a step are, tokens are their product, which is noted.

    Raises `DataError` E_MISSING_COLUMN for a factor that is neither a column nor a number.
    """
    notes: list[Note] = []
    for quantity in QUANTITY_COLUMNS:
        named = getattr(wanted, quantity)
        if named is None and quantity == "n_tokens":
            named = _usual_tokens(cells, notes)
            notes += _planned(cells, usual_name(cells.columns, ALIASES["n_tokens"]))
        if named is None or named in cells.columns or "*" not in named:
            continue
        cells = cells.with_columns({named: _cells(_product(cells, quantity, named, decimal))})
        wanted = replace(wanted, **{quantity: named})
    return replace(cells, notes=(*cells.notes, *notes)), wanted


def step_column(cells: Cells) -> str | None:
    """The column that counts steps, by its usual name; the one that counts points where no step was logged."""
    return ORDER if ORDER in cells.columns else usual_name(cells.columns, STEPS)


def usual_name(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    """The first of the names among the columns, as it is written there."""
    known: dict[str, str] = {}
    for column in columns:
        known.setdefault(plain_name(column), column)
    return next((known[plain_name(name)] for name in names if plain_name(name) in known), None)


def _usual_tokens(cells: Cells, notes: list[Note]) -> str | None:
    step, tokens = usual_name(cells.columns, STEPS), usual_name(cells.columns, TOKENS_PER_STEP)
    if has_usual(cells, "n_tokens") or step is None or tokens is None:
        return None
    notes.append(Note("I_TOKENS", f"tokens = {step} x {tokens}, for no column of tokens was logged"))
    return f"{step}*{tokens}"


def _planned(cells: Cells, column: str | None) -> list[Note]:
    """A word where a tracker holds the tokens of a run as one number, which may be what was planned."""
    if column is None or not cells.logged:
        return []
    told: dict[Any, set[Any]] = {}
    points: Counter[Any] = Counter()
    for run, value in zip(cells.columns["run_id"], cells.columns[column], strict=True):
        told.setdefault(run, set()).add(value)
        points[run] += 1
    if any(len(values) > 1 for values in told.values()) or max(points.values()) == 1:
        return []
    said = "is one number for all points of a run: taken for the tokens it has seen at its last point"
    return [Note("I_TOKENS", f"{column} {said}")]


def _product(cells: Cells, quantity: str, expression: str, decimal: str) -> Floats:
    result = np.ones(len(cells))
    for factor in (part.strip() for part in expression.split("*")):
        result = result * (
            _column(cells, quantity, factor, decimal) if factor in cells.columns else _number(cells, factor)
        )
    return result


def _column(cells: Cells, quantity: str, name: str, decimal: str) -> Floats:
    parsed = parse_column(cells, quantity, name, decimal)
    if parsed.refused:
        first = parsed.refused[0]
        line = int(cells.line[first.row]) or None
        raise DataError(
            first.code, first.problem, file=cells.file[first.row], line=line, column=name, value=first.value,
            remedy=first.remedy,
        )  # fmt: skip
    return parsed.values


def _number(cells: Cells, text: str) -> float:
    try:
        return parse_number(text)
    except (ValueError, OverflowError):
        names = list(cells.columns)
        found = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        problem = f"{text!r} is neither a column nor a number; columns found: {found}"
        raise DataError("E_MISSING_COLUMN", problem, file=cells.path, remedy="name a product as step*32768") from None


def _cells(values: Floats) -> list[Any]:
    return [None if value != value else value for value in values.tolist()]
