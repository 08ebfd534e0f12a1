"""Loss curves with the learning rate of every step, read from logs: what laws of the schedule are fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalelaw.errors import DataError, UsageError
from scalelaw.laws.tissue import annealing_areas
from scalelaw.readers import read_runs
from scalelaw.readers.base import Manner
from scalelaw.readers.finding import find_cells
from scalelaw.runs import Floats, Note, RunTable

BLOCKS = 8
"""Stretches a curve is cut into: neighbours in a stretch share their noise, stretches do not."""


@dataclass(frozen=True)
class Curve:
    """One run's losses, nats per token, after steps counted from 1, and the learning rate of every step.

    `rates[i]` is the rate of step i + 1; they may reach beyond the last logged step, into what is planned.
    """

    name: str
    step: NDArray[np.int64]
    loss: Floats
    rates: Floats

    @property
    def last(self) -> int:
        """The last logged step."""
        return int(self.step[-1]) if len(self.step) else 0

    @property
    def steps(self) -> int:
        """The last step whose learning rate is known."""
        return len(self.rates)

    @property
    def falls(self) -> bool:
        """Whether the rate has fallen by a tenth of its peak before the last logged step."""
        seen = self.rates[: self.last]
        return bool(seen[-1] < 0.9 * seen.max())

    def until(self, step: float) -> Curve:
        """The points up to a step; the rates stay, for a schedule is known before it is run."""
        keep = self.step <= step
        return replace(self, step=self.step[keep], loss=self.loss[keep])


def curve_of(
    name: str, step: ArrayLike, loss: ArrayLike, rate: ArrayLike, *, warmup: int | None = None, file: str | None = None
) -> Curve:
    """A curve from its logged points; between them the rate is interpolated, for where it jumps is not in the log.

    Before the first point it rises in a straight line from 0 over `warmup` steps, by default all of them, and then
    stays. Steps at a rate of 0 move nothing and may only end the curve; they are left out.

    Raises:
        DataError: where steps do not rise from 1, and where a learning rate is missing or negative.
    """
    at, losses, rates = np.asarray(step, dtype=float), np.asarray(loss, dtype=float), np.asarray(rate, dtype=float)
    if not len(at) or at[0] < 1 or (np.diff(at) < 1).any():
        value = at.min() if len(at) else None
        remedy = "name the column of steps with --step"
        raise DataError("E_STEP", f"the steps of {name} are not whole numbers that rise from 1", value=value,
                        file=file, remedy=remedy)  # fmt: skip
    if not (np.isfinite(rates) & (rates >= 0)).all() or rates[0] == 0:
        bad = rates[~np.isfinite(rates) | (rates < 0) | (rates == 0)][0]
        remedy = "name the column of the rate with --lr"
        raise DataError("E_SCHEDULE", f"{name} has points without a positive learning rate", value=bad, file=file,
                        remedy=remedy)  # fmt: skip
    keep = np.maximum.accumulate(rates[::-1])[::-1] > 0
    at, losses, rates = at[keep].astype(np.int64), losses[keep], rates[keep]
    if (rates <= 0).any():
        raise DataError("E_SCHEDULE", f"the learning rate of {name} is 0 in between", value=0, file=file,
                        remedy="leave out the run: no law here describes a restart from 0")  # fmt: skip
    each = np.arange(1, at[-1] + 1)
    known = np.interp(each, at, rates)
    rise = int(at[0]) if warmup is None else warmup
    return Curve(name, at, losses, known * np.minimum(each / max(rise, 1), 1.0))


def read_curves(
    paths: Sequence[Path | str],
    *,
    loss: str | None = None,
    step: str | None = None,
    lr: str | None = None,
    warmup: int | None = None,
) -> tuple[tuple[Curve, ...], tuple[Note, ...]]:
    """The curves in logs of any format `read_runs` knows, unfinished runs too, and what its reader noticed.

    Args:
        loss: the column of the loss; by default a usual name.
        step, lr: the columns of the step and of the learning rate, by default `step` and `lr`.
        warmup: see `curve_of`.

    Raises:
        DataError: where a column is missing or a curve cannot be used.
    """
    names = {"n_params": "one_model", "n_tokens": step or "step"}
    runs = read_runs(list(paths), loss=loss, given={"one_model": "1"}, curve="all", keep_unfinished=True, **names)  # type: ignore[arg-type]
    column = lr or "lr"
    if column not in runs.extras:
        remedy = "name the column that holds the learning rate with --lr"
        raise DataError("E_MISSING_COLUMN", f"no learning rate; columns found: {', '.join(runs.extras)}",
                        file=runs.named_files, column=column, remedy=remedy)  # fmt: skip
    found = []
    for name in dict.fromkeys(runs.run_id):
        rows = runs.take(np.flatnonzero(np.array(runs.run_id) == name))
        rates = np.array([_number(value) for value in rows.extras[column]])
        found.append(curve_of(name, rows.n_tokens, rows.loss, rates, warmup=warmup, file=rows.file[0] or None))
    return tuple(found), runs.notes


def read_schedule(path: Path) -> tuple[Floats, Floats]:
    """Steps and learning rates of a planned schedule, from a table with the columns `step` and `lr`.

    Raises:
        UsageError: where there is no such file, saying what shapes are known by name.
        DataError: where a column is missing or a cell is no number.
    """
    if not path.is_file():
        shapes = "constant, linear, cosine, exponential"
        raise UsageError(f"No schedule {str(path)!r}. Known: {shapes}, or a file with the columns step and lr.")
    (cells,) = find_cells(path, Manner())
    found = []
    for name in ("step", "lr"):
        if name not in cells.columns:
            raise DataError("E_MISSING_COLUMN", f"a schedule has the columns step and lr; columns found: "
                            f"{', '.join(cells.columns)}", file=path, column=name)  # fmt: skip
        values = np.array([_number(value) for value in cells.columns[name]])
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise DataError("E_NOT_A_NUMBER", "a schedule holds numbers", file=path, line=int(cells.line[bad[0]]),
                            column=name, value=cells.columns[name][bad[0]])  # fmt: skip
        found.append(values)
    return found[0], found[1]


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")


def table(curves: Sequence[Curve]) -> RunTable:
    """The points of curves, one below the other, with what both laws of the schedule read.

    Rows of one of `BLOCKS` stretches of a curve are one group, since their noise is not independent.
    """
    areas = [annealing_areas(curve.rates) for curve in curves]
    joined = {
        "S1": np.concatenate([area[0][curve.step - 1] for area, curve in zip(areas, curves, strict=True)]),
        "S2": np.concatenate([area[1][curve.step - 1] for area, curve in zip(areas, curves, strict=True)]),
        "step": np.concatenate([curve.step for curve in curves]),
        "schedule": np.concatenate([np.full(len(curve.step), curve.name) for curve in curves]),
    }
    groups = [
        f"{curve.name}, stretch {part}"
        for curve in curves
        for part in 1 + np.arange(len(curve.step)) * BLOCKS // len(curve.step)
    ]
    return RunTable.of(loss=np.concatenate([curve.loss for curve in curves]), extras=joined, group=groups)
