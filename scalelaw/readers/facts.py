"""What a log does not say and its reader knows: facts of each run in a second table, and values that hold for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError, UsageError
from scalelaw.numbers import parse_number
from scalelaw.readers.base import Cells, Manner
from scalelaw.readers.columns import LABELS, plain_name
from scalelaw.readers.finding import find_cells
from scalelaw.runs import Note

SHOWN = 5
"""Runs that a message lists."""


def with_facts(cells: Cells, about: Cells | None, given: Mapping[str, str], run_id: str | None = None) -> Cells:
    """The cells with the columns of `about`, a table with a row a run, and with the `given` values in every row.

    Runs are matched by the names in column `run_id`, or the one usual for it. Where both have a column, a value that
    was logged stays, which is noted where the fact is another, and a missing one is filled in.

    Raises `DataError` E_MISSING_RUN where `about` lacks a run, E_CONFLICT where it has one twice.
    """
    if about is not None:
        cells = _joined(cells, about, run_id)
    return cells.with_columns({name: [value] * len(cells) for name, value in given.items()})


def read_about(path: Path, manner: Manner) -> Cells:
    """The table of facts; `UsageError` where it has no column of run names."""
    cells = find_cells(path, manner)[0]
    if name_column(cells) is None:
        known = ", ".join(LABELS["run_id"])
        raise UsageError(f"{path} has no column of run names. Next: call it one of {known}.")
    return cells


def name_column(cells: Cells, wanted: str | None = None) -> str | None:
    """The column that names the runs: the wanted one where it is there, else by its usual name."""
    if wanted in cells.columns:
        return wanted
    known = {plain_name(column): column for column in cells.columns}
    return next((known[alias] for alias in LABELS["run_id"] if alias in known), None)


def _joined(cells: Cells, about: Cells, run_id: str | None) -> Cells:
    mine, theirs = name_column(cells, run_id), name_column(about, run_id)
    if mine is None or theirs is None:
        raise UsageError(f"{cells.path} does not name its runs, so nothing can be told of them. Next: add run_id.")
    row = _rows(about, theirs)
    names = [str(name) for name in cells.columns[mine]]
    lacking = [name for name in dict.fromkeys(names) if name not in row]
    if lacking:
        problem = f"no row for {len(lacking)} of the runs of {cells.path}: {', '.join(lacking[:SHOWN])}"
        raise DataError("E_MISSING_RUN", problem, file=about.path, column=theirs, remedy="add a row for each")
    found: dict[str, list[Any]] = {}
    notes = []
    for column, values in about.columns.items():
        if column == theirs:
            continue
        told = [values[row[name]] for name in names]
        logged = cells.columns.get(column, [None] * len(cells))
        found[column] = [fact if own in (None, "") else own for own, fact in zip(logged, told, strict=True)]
        differ = {name for name, own, fact in zip(names, logged, told, strict=True) if _differ(own, fact)}
        if differ:
            runs = ", ".join(sorted(differ)[:SHOWN]) + (" and others" if len(differ) > SHOWN else "")
            notes.append(
                Note("W_ABOUT", f"{column} of {runs}: {about.path} tells another value; the logged one is kept")
            )
    return replace(cells.with_columns(found), notes=(*cells.notes, *notes))


def _differ(own: Any, fact: Any) -> bool:
    if own in (None, "") or fact in (None, "") or own == fact:
        return False
    try:
        return parse_number(str(own)) != parse_number(str(fact))
    except (ValueError, OverflowError):
        return str(own).strip() != str(fact).strip()


def _rows(about: Cells, column: str) -> dict[str, int]:
    rows: dict[str, int] = {}
    for i, name in enumerate(map(str, about.columns[column])):
        if rows.setdefault(name, i) != i:
            problem = f"run {name} has two rows"
            line = int(about.line[i]) or None
            raise DataError("E_CONFLICT", problem, file=about.path, line=line, column=column, remedy="keep one")
    return rows
