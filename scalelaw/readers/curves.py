"""Logged points as curves: which rows are points of one run, put in order of their steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import Cells, Mask
from scalelaw.readers.columns import Choice
from scalelaw.readers.parsing import MISSING, parse_column
from scalelaw.readers.products import step_column
from scalelaw.readers.segments import Ints
from scalelaw.runs import Exclusion, Floats, Note

SHOWN = 3
"""Runs that a note lists."""
FEWEST = 8
"""Points that a table without a column of runs must have to be taken for the curve of one."""


@dataclass(frozen=True)
class Curves:
    """Points of runs, sorted by run and step: `row` is a point's row in the cells, `run` the index of its name.

    `loss` is as it was logged, in any unit; NaN where it is no number. `tokens` is NaN where no count was logged.
    """

    cells: Cells
    names: tuple[str, ...]
    row: Ints
    run: Ints
    step: Floats
    loss: Floats
    tokens: Floats

    def __len__(self) -> int:
        return len(self.row)

    def where(self, keep: Mask) -> Curves:
        """The points that are kept."""
        return self.at(np.flatnonzero(keep))

    def at(self, index: Ints) -> Curves:
        """These points, in this order."""
        arrays = {name: getattr(self, name)[index] for name in ("row", "run", "step", "loss", "tokens")}
        return replace(self, **arrays)

    def name(self, point: int) -> str:
        """The run a point belongs to."""
        return self.names[int(self.run[point])]

    def line(self, point: int) -> int:
        """The physical line of a point, 0 where the format has none."""
        return int(self.cells.line[self.row[point]])

    def file(self, point: int) -> str:
        """The file of a point."""
        return self.cells.file[int(self.row[point])]

    def exclusion(self, point: int, reason: str) -> Exclusion:
        """An exclusion of a point's run, at its place."""
        return Exclusion(self.name(point), reason, self.file(point), self.line(point))


def curves_of(cells: Cells, choice: Choice, decimal: str) -> Curves | None:
    """The curves that the rows are points of; None where each row is a run of its own.

    Rows of one run and seed whose steps differ are points of a curve. The points are in the order of the file.

    Raises `DataError` E_MISSING_VALUE where a point of a curve has a loss and no step.
    """
    run, step = choice.columns.get("run_id"), step_column(cells)
    if run is None or step is None:
        return None
    if len(set(cells.columns[run])) == len(cells) and not cells.logged:
        return None
    keys = _keys(cells, run)
    index = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    codes = np.fromiter(map(index.__getitem__, keys), dtype=np.int64, count=len(cells))
    steps = parse_column(cells, "step", step, decimal).values
    if not cells.logged and not _vary(steps, codes, len(index)):
        return None
    losses = parse_column(cells, "loss", choice.columns["loss"], decimal).values
    tokens = choice.columns.get("n_tokens")
    counts = parse_column(cells, "n_tokens", tokens, decimal).values if tokens else np.full(len(cells), np.nan)
    _refuse_without_step(cells, step, steps, losses)
    names = tuple(str(key[0] if isinstance(key, tuple) else key) for key in index)
    return Curves(cells, names, np.arange(len(cells)), codes, steps, losses, counts)


def named_by_file(cells: Cells, choice: Choice) -> tuple[Cells, Choice]:
    """A table without names of runs that is the log of one, named after its file and noted.

    It is one where N is the same in all of its rows and the steps rise from row to row.
    """
    step, n_params = step_column(cells), choice.columns.get("n_params")
    if "run_id" in choice.columns or step is None or n_params is None or len(cells) < FEWEST:
        return cells, choice
    steps = parse_column(cells, "step", step).values
    if len(set(cells.columns[n_params])) > 1 or not (np.diff(steps) > 0).all():
        return cells, choice
    name = Path(cells.path).stem
    message = f"no column names the runs, N is one and {step} rises: {len(cells)} rows are points of one run, {name}"
    cells = cells.with_columns({"run_id": [name] * len(cells)})
    noted = replace(cells, notes=(*cells.notes, Note("I_ONE_RUN", message)))
    return noted, replace(choice, columns={**choice.columns, "run_id": "run_id"})


def is_missing(cell: Any) -> bool:
    """Whether a cell says that there is no value."""
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING)


def listed(parts: Sequence[str]) -> str:
    """The first few, and how many there are beside them."""
    more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return "; ".join(parts[:SHOWN]) + more


def number(value: float) -> str:
    """A step, or a count, in full.

    >>> number(1000.0), number(262144000.0), number(0.5)
    ('1000', '262144000', '0.5')
    """
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"


def points_text(count: int) -> str:
    """A count of points.

    >>> points_text(1), points_text(80)
    ('1 point', '80 points')
    """
    return "1 point" if count == 1 else f"{count} points"


def steps_text(first: float, last: float) -> str:
    """A range of steps.

    >>> steps_text(910, 960), steps_text(910, 910)
    ('steps 910-960', 'step 910')
    """
    return f"step {number(first)}" if first == last else f"steps {number(first)}-{number(last)}"


def _vary(steps: Floats, run: Ints, runs: int) -> bool:
    """Whether the steps of any run differ; where none do, they are a setting, such as the steps that were planned."""
    low, high = np.full(runs, np.inf), np.full(runs, -np.inf)
    np.fmin.at(low, run, steps)
    np.fmax.at(high, run, steps)
    return bool((low < high).any())


def _keys(cells: Cells, run: str) -> Sequence[Any]:
    seeds = next((cells.columns[name] for name in cells.columns if name.lower() == "seed"), None)
    return cells.columns[run] if seeds is None else list(zip(cells.columns[run], seeds, strict=True))


def _refuse_without_step(cells: Cells, step: str, steps: Floats, losses: Floats) -> None:
    lacking = np.flatnonzero(np.isnan(steps) & ~np.isnan(losses))
    if len(lacking):
        row = int(lacking[0])
        raise DataError(
            "E_MISSING_VALUE",
            f"{len(lacking)} points of curves have a loss and no {step}",
            file=cells.file[row],
            line=int(cells.line[row]) or None,
            column=step,
            value=cells.columns[step][row],
            remedy="fill the cell, or leave the row out",
        )


def lines_of(curves: Curves, points: Iterable[int]) -> tuple[int, ...]:
    """The physical lines of points."""
    return tuple(curves.line(point) for point in points)
