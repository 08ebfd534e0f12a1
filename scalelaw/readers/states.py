"""Whole runs of a tracker: those that did not finish, and those that continue one another."""

from __future__ import annotations

import re
from dataclasses import replace

from scalelaw.errors import DataError, UsageError
from scalelaw.readers.base import Cells
from scalelaw.readers.columns import plain_name
from scalelaw.readers.facts import name_column
from scalelaw.readers.logs import FINISHED
from scalelaw.readers.mapping import ColumnMap
from scalelaw.runs import Exclusion, Note

UNFINISHED = ("failed", "crashed", "killed", "running", "preempted", "preempting", "aborted", "stopped", "pending")
"""Words for a run without a final loss, in a table that a tracker did not write itself."""
SHOWN = 3
"""Runs that a note lists."""


def finished(cells: Cells, run: str | None, keep_all: bool) -> Cells:
    """The rows of runs that ended as they should; the others are exclusions with their state as reason.

    Raises `DataError` E_NO_ROWS where none did.
    """
    column = next((name for name in cells.columns if plain_name(name) == "state"), None)
    if column is None or keep_all:
        return cells
    states = [str(cell if cell is not None else "").strip().lower() for cell in cells.columns[column]]
    keep = [state in FINISHED if cells.logged else state not in UNFINISHED for state in states]
    if all(keep):
        return cells
    names = [str(name) for name in cells.columns[run]] if run else [f"row {i + 1}" for i in range(len(cells))]
    first = {names[i]: i for i in reversed(range(len(cells))) if not keep[i]}
    excluded = tuple(
        Exclusion(name, f"not finished: {states[i]}", cells.file[i], int(cells.line[i]))
        for name, i in sorted(first.items(), key=lambda item: item[1])
    )
    if not any(keep):
        told = ", ".join(sorted(set(states)))
        problem = f"none of {len(first)} runs finished; their states: {told}"
        remedy = "read them all the same with --keep-unfinished"
        raise DataError("E_NO_ROWS", problem, file=cells.path, column=column, remedy=remedy)
    rows = [i for i, kept in enumerate(keep) if kept]
    return replace(cells.take(rows), excluded=(*cells.excluded, *excluded))


def joined_runs(cells: Cells, wanted: ColumnMap) -> Cells:
    """Runs whose names differ only in what the regular expression `join_runs` finds, as one that was continued.

    Rows are put in order of the full names, numbers in them counted, so that what a later run logged comes later.

    Raises `UsageError` for an expression that is none or finds nothing.
    """
    expression, run = wanted.join_runs, name_column(cells, wanted.run_id)
    if expression is None:
        return cells
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise UsageError(f"--join-runs {expression!r} is no regular expression: {error}.") from None
    if run is None:
        raise UsageError("--join-runs joins runs by their names, and no column names them. Next: give --run-id.")
    names = [str(name) for name in cells.columns[run]]
    bare = {name: pattern.sub("", name) for name in dict.fromkeys(names)}
    if all(name == short for name, short in bare.items()):
        shown = ", ".join(list(bare)[:SHOWN])
        raise UsageError(f"--join-runs {expression!r} is found in no name of a run, such as {shown}.")
    order = sorted(range(len(cells)), key=lambda i: _natural(names[i]))
    taken = cells.take(order)
    message = f"{len(bare)} runs are read as {len(set(bare.values()))}, joined by {expression}"
    joined = taken.with_columns({run: [bare[names[i]] for i in order]})
    return replace(joined, notes=(*cells.notes, Note("I_JOINED", message)))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A name as it sorts when its numbers are counted: run-9 before run-10."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", name)]
