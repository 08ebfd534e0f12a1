"""Faults of curves: points without a loss, dead runs, counters that fall, gaps."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.readers.base import Mask, lines_text
from scalelaw.readers.columns import Choice
from scalelaw.readers.curves import Curves, is_missing, lines_of, listed, number, points_text, steps_text
from scalelaw.readers.segments import begins, ends, following_min
from scalelaw.runs import Exclusion, Floats, Note

GAP = 5.0
"""A distance of steps so many times the two before and the two after it is a gap; log-spaced points have none."""


def with_losses(curves: Curves, choice: Choice, notes: list[Note]) -> Curves:
    """The points that have a loss, or something in its place, and a note of their share.

    Counts that the same step of the run logged on another line are put beside the loss: trackers log the tokens with
    the training loss and the evaluation on a line of its own.
    """
    column = curves.cells.columns[choice.columns["loss"]]
    blank = np.isnan(curves.loss)
    blank[blank] = [is_missing(column[row]) for row in curves.row[blank].tolist()]
    if not blank.any():
        return curves
    kept = _beside(curves, choice, blank).where(~blank)
    told = f"{len(kept)} of {points_text(len(curves))} have one, the others are left out"
    notes.append(Note("I_SPARSE", f"{choice.columns['loss']}: {told}"))
    return kept


def _beside(curves: Curves, choice: Choice, blank: Mask) -> Curves:
    """The curves with counts that points with a loss lack taken from those of their step without one."""
    columns: dict[str, list[Any]] = {}
    tokens, row = curves.tokens.copy(), curves.row.tolist()
    keys = list(zip(curves.run.tolist(), curves.step.tolist(), strict=True))
    for quantity in ("n_tokens", "flops"):
        name = choice.columns.get(quantity)
        if name is None:
            continue
        cells = list(curves.cells.columns[name])
        source = {keys[i]: i for i in np.flatnonzero(blank).tolist() if not is_missing(cells[row[i]])}
        pairs = [(i, source.get(keys[i], i)) for i in np.flatnonzero(~blank).tolist() if is_missing(cells[row[i]])]
        for lacking, told in pairs:
            cells[row[lacking]] = cells[row[told]]
            if quantity == "n_tokens":
                tokens[lacking] = tokens[told]
        if pairs:
            columns[name] = cells
    return replace(curves, cells=curves.cells.with_columns(columns), tokens=tokens) if columns else curves


def finite(curves: Curves, column: str, notes: list[Note], excluded: list[Exclusion]) -> Curves:
    """The curves without points whose loss is NaN or infinite, and without runs that end so: those are dead.

    Raises `DataError` E_DEAD_RUN where no other run is left.
    """
    cells = curves.cells.columns[column]
    wrong = np.isnan(curves.loss)
    wrong[wrong] = [_is_non_finite(cells[row]) for row in curves.row[wrong].tolist()]
    if not wrong.any():
        return curves
    tail = following_min(wrong.astype(float), curves.run) == 1.0
    dead = np.isin(curves.run, curves.run[tail])
    if dead.any():
        _tell_dead(curves, cells, tail, bool(dead.all()), notes, excluded)
    passing = wrong & ~dead
    if passing.any():
        points = np.flatnonzero(passing).tolist()
        lines = lines_of(curves, points)
        told = [f"run {curves.name(i)}, step {number(curves.step[i])}: {cells[curves.row[i]]}" for i in points]
        message = f"{lines_text(lines)}: the loss is no finite number; dropped: {listed(told)}"
        notes.append(Note("W_NON_FINITE", message, lines))
        for code in dict.fromkeys(curves.run[passing].tolist()):
            mine = np.flatnonzero(passing & (curves.run == code))
            steps = ", ".join(number(step) for step in curves.step[mine[:5]].tolist())
            excluded.append(
                curves.exclusion(int(mine[0]), f"{points_text(len(mine))} without a finite loss: step {steps}")
            )
    return curves.where(~(wrong | dead))


def _tell_dead(
    curves: Curves, cells: Any, tail: Mask, all_dead: bool, notes: list[Note], excluded: list[Exclusion]
) -> None:
    starts = np.flatnonzero(tail & ~np.r_[False, tail[:-1] & ~begins(curves.run)[1:]]).tolist()
    told = [
        f"run {curves.name(i)}: the loss is {cells[curves.row[i]]} from step {number(curves.step[i])} to the end"
        for i in starts
    ]
    if all_dead:
        raise DataError(
            "E_DEAD_RUN",
            f"{listed(told)}, and no other run is left",
            file=curves.file(starts[0]),
            line=curves.line(starts[0]) or None,
            column=None,
            remedy="lower the learning rate and train it again; a dead run has no loss to fit",
        )
    notes.append(Note("W_DEAD_RUN", f"{listed(told)}; not fitted", lines_of(curves, starts)))
    excluded += [curves.exclusion(i, f"dead from step {number(curves.step[i])}: no finite loss") for i in starts]


def _is_non_finite(cell: Any) -> bool:
    try:
        return not math.isfinite(float(cell))
    except (TypeError, ValueError, OverflowError):
        return False


def refuse_tokens(curves: Curves, column: str | None, only_last: bool) -> None:
    """`DataError` E_TOKENS where the tokens of a run fall, or, unless only its last point counts, never rise."""
    if column is None or not len(curves):
        return
    inner = ~begins(curves.run)
    change = np.diff(curves.tokens, prepend=0.0)
    fall = np.flatnonzero(inner & (change < 0))
    if len(fall):
        i = int(fall[0])
        before, after = number(curves.tokens[i - 1]), number(curves.tokens[i])
        where = f"between steps {number(curves.step[i - 1])} and {number(curves.step[i])}"
        problem = f"run {curves.name(i)}: tokens fall from {before} to {after} {where}; was the counter reset?"
        remedy = "name a product of steps, such as --n-tokens 'step*262144', or correct the log"
        _raise_tokens(curves, i, column, problem, remedy)
    still = inner & (change == 0)
    flat = np.flatnonzero(still & ends(curves.run) & (_counted(curves, still) == _counted(curves, inner)))
    if len(flat) and not only_last:
        i = int(flat[0])
        problem = (
            f"run {curves.name(i)}: tokens are {number(curves.tokens[i])} at all of its steps, a total, not a count"
        )
        remedy = "name a product, such as --n-tokens 'step*262144', or take final losses with --curve last"
        _raise_tokens(curves, i, column, problem, remedy)


def trained(curves: Curves, notes: list[Note], excluded: list[Exclusion]) -> Curves:
    """The curves without the points at 0 tokens, where many logs begin: no law of D has a loss there."""
    before = curves.tokens == 0
    if not before.any() or before.all():
        return curves
    points = np.flatnonzero(before).tolist()
    runs = listed([curves.name(point) for point in points])
    notes.append(
        Note("I_UNTRAINED", f"points at 0 tokens, before training, are left out: {runs}", lines_of(curves, points))
    )
    excluded += [curves.exclusion(point, "1 point at 0 tokens, before training") for point in points]
    return curves.where(~before)


def _counted(curves: Curves, mask: Mask) -> Floats:
    """Of each run, how many points are marked, at every point of it."""
    return np.asarray(np.bincount(curves.run, weights=mask.astype(float))[curves.run], dtype=float)


def _raise_tokens(curves: Curves, point: int, column: str, problem: str, remedy: str) -> None:
    line = curves.line(point) or None
    raise DataError("E_TOKENS", problem, file=curves.file(point), line=line, column=column, remedy=remedy)


def note_gaps(curves: Curves, notes: list[Note]) -> None:
    """A note of the steps that are missing, told by the distances of steps before and after."""
    if len(curves) < 4:
        return
    distance = np.diff(curves.step)
    distance[begins(curves.run)[1:]] = np.nan
    before, after = _wider(distance), _wider(distance[::-1])[::-1]
    gaps = np.flatnonzero(distance > GAP * np.maximum(before, after)).tolist()
    if not gaps:
        return
    told = []
    for i in gaps:
        first, last = curves.step[i] + distance[i - 1], curves.step[i + 1] - distance[i + 1]
        told.append(f"run {curves.name(i)}, {steps_text(float(first), float(last))}")
    notes.append(Note("W_GAP", f"missing between the points: {listed(told)}", lines_of(curves, gaps)))


def _wider(distance: Floats) -> Floats:
    """The wider of the two distances before each, NaN where the run has none."""
    padded = np.r_[np.nan, np.nan, distance]
    near, far = padded[1:-1], padded[:-2]
    return np.where(np.isnan(near), np.nan, np.fmax(near, far))
