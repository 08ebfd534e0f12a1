"""What a log does not say and its reader knows: facts of each run in a second table, and values that hold for all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError, UsageError
from scalelaw.readers.base import Cells, Manner
from scalelaw.readers.columns import LABELS, plain_name
from scalelaw.readers.finding import find_cells

SHOWN = 5
"""Runs that a message lists."""


def with_facts(cells: Cells, about: Cells | None, given: Mapping[str, str]) -> Cells:
    """The cells with the columns of `about`, a table with a row a run, and with the `given` values in every row.

    Runs are matched by name. Where both have a column, a value that was logged stays and a missing one is filled in.

    Raises `DataError` E_MISSING_RUN where `about` lacks a run, E_CONFLICT where it has one twice.
    """
    if about is not None:
        cells = cells.with_columns(_columns(cells, about))
    return cells.with_columns({name: [value] * len(cells) for name, value in given.items()})


def read_about(path: Path, manner: Manner) -> Cells:
    """The table of facts; `UsageError` where it has no column of run names."""
    cells = find_cells(path, manner)[0]
    if name_column(cells) is None:
        known = ", ".join(LABELS["run_id"])
        raise UsageError(f"{path} has no column of run names. Next: call it one of {known}.")
    return cells


def name_column(cells: Cells) -> str | None:
    """The column that names the runs, by its usual name."""
    known = {plain_name(column): column for column in cells.columns}
    return next((known[alias] for alias in LABELS["run_id"] if alias in known), None)


def _columns(cells: Cells, about: Cells) -> dict[str, list[Any]]:
    mine, theirs = name_column(cells), name_column(about)
    if mine is None or theirs is None:
        raise UsageError(f"{cells.path} does not name its runs, so nothing can be told of them. Next: add run_id.")
    row = _rows(about, theirs)
    names = [str(name) for name in cells.columns[mine]]
    lacking = [name for name in dict.fromkeys(names) if name not in row]
    if lacking:
        problem = f"no row for {len(lacking)} of the runs of {cells.path}: {', '.join(lacking[:SHOWN])}"
        raise DataError("E_MISSING_RUN", problem, file=about.path, column=theirs, remedy="add a row for each")
    found: dict[str, list[Any]] = {}
    for column, values in about.columns.items():
        if column != theirs:
            logged = cells.columns.get(column, [None] * len(cells))
            told = (values[row[name]] for name in names)
            found[column] = [own if own not in (None, "") else fact for own, fact in zip(logged, told, strict=True)]
    return found


def _rows(about: Cells, column: str) -> dict[str, int]:
    rows: dict[str, int] = {}
    for i, name in enumerate(map(str, about.columns[column])):
        if rows.setdefault(name, i) != i:
            problem = f"run {name} has two rows"
            line = int(about.line[i]) or None
            raise DataError("E_CONFLICT", problem, file=about.path, line=line, column=column, remedy="keep one")
    return rows
