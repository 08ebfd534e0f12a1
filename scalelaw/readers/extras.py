"""Cells that enter no formula: the names of rows, and the columns carried along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalelaw.readers.base import Cells, Repeated
from scalelaw.readers.columns import Choice
from scalelaw.readers.mapping import CONVENTION_COLUMNS, LABEL_COLUMNS, QUANTITY_COLUMNS
from scalelaw.readers.redacting import redacted_column
from scalelaw.readers.spreadsheet import unguard


def labels(cells: Cells, column: str | None, otherwise: Sequence[str]) -> tuple[str, ...]:
    """Names of rows as text; a row without one takes the other."""
    if column is None:
        return tuple(otherwise)
    names = cells.columns[column]
    return tuple(
        unguard(str(cell)) if cell is not None and cell != "" else name
        for cell, name in zip(names, otherwise, strict=True)
    )


def extras(cells: Cells, choice: Choice) -> dict[str, NDArray[Any]]:
    """The columns that serve for nothing else. A name that a quantity has taken is marked as the file's own."""
    used = {*choice.columns.values(), *CONVENTION_COLUMNS}
    taken = {*QUANTITY_COLUMNS, *LABEL_COLUMNS}
    return {
        f"{name} (as logged)" if name in taken else name: _carried(name, column)
        for name, column in cells.columns.items()
        if name not in used
    }


def _carried(name: str, column: Sequence[Any]) -> NDArray[Any]:
    """A column as an array; of one in which rows of a run are alike each run is looked at once."""
    if not isinstance(column, Repeated):
        return _typed(redacted_column(name, column))
    runs, row = np.unique(column.run, return_inverse=True)
    return _typed(redacted_column(name, [column.values[run] for run in runs]))[row]


def _typed(column: Sequence[Any]) -> NDArray[Any]:
    """A column as whole numbers, else as numbers with NaN for blanks, else as it stands.

    Text with an underscore stays text: Python would read the month `2024_01` as 202401.
    """
    kinds = set(map(type, column))
    blank = {None: "nan", "": "nan"}
    try:
        if kinds == {int} or (kinds == {str} and not any("_" in cell or "." in cell for cell in column)):
            return np.array(column, dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    try:
        if kinds <= {int, float, str, type(None)} and not any(isinstance(c, str) and "_" in c for c in column):
            return np.array([blank.get(cell, cell) for cell in column], dtype=float)
    except (ValueError, OverflowError):
        pass
    held = np.empty(len(column), dtype=object)
    held[:] = [unguard(cell) if isinstance(cell, str) else cell for cell in column]
    return held
