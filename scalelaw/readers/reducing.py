"""Logged curves reduced to the points a fit should see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scalelaw.errors import DataError, UsageError
from scalelaw.numbers import format_quantity, parse_number
from scalelaw.readers.base import Cells
from scalelaw.readers.columns import Choice
from scalelaw.readers.curves import Curves, curves_of, named_by_file
from scalelaw.readers.parsing import parse_column
from scalelaw.readers.rates import Rates, note_undecayed, rates_of
from scalelaw.readers.repairing import finite, note_gaps, refuse_tokens, trained, with_losses
from scalelaw.readers.restarts import in_order
from scalelaw.readers.segments import Ints, begins, ends, trailing_mean
from scalelaw.readers.spikes import without_divergence
from scalelaw.readers.warming import without_warmup
from scalelaw.runs import Exclusion, Floats, Note

KEEPS = ("auto", "all", "last", "min")


@dataclass(frozen=True, slots=True)
class Reduction:
    """Which points of a curve stay: `all`, the `last`, the one of least loss (`min`), or those at given `tokens`.

    `auto` is `last` for what a tracker logged and `all` for a table. Before that, the loss of a point becomes the mean
    of the last `smooth` points, the point's own included, which lags behind a falling curve.
    """

    keep: str = "auto"
    tokens: tuple[float, ...] = ()
    smooth: int = 1

    @classmethod
    def of(cls, text: str, smooth: int = 1) -> Reduction:
        """From `last`, `min`, `all`, `auto`, or numbers of tokens with commas between: `1B,2B`."""
        if smooth < 1:
            raise UsageError(f"Points to smooth over number at least 1; found {smooth}.")
        if text in KEEPS:
            return cls(text, (), smooth)
        try:
            tokens = tuple(sorted({parse_number(part) for part in text.split(",")}))
        except (ValueError, OverflowError):
            raise UsageError(f"Unknown curve {text!r}. Known: {', '.join(KEEPS)}, or tokens such as 1B,2B.") from None
        if tokens[0] <= 0:
            raise UsageError(f"Tokens at which a curve is read must be positive; found {text!r}.")
        return cls("tokens", tokens, smooth)


def reduce_curves(cells: Cells, choice: Choice, reduction: Reduction, decimal: str) -> tuple[Cells, Choice]:
    """The points that stay, run by run in order of their steps, and where they are; a table of runs stays as it is.

    Curves are first put in order and repaired, all of it on the record: restarts keep their last attempt, points
    without a finite loss are dropped, dead runs and the ends of diverged ones are left out, and with all points kept so
    is the warm-up. Raises `DataError`: E_CONFLICT, E_TOKENS, E_DEAD_RUN, E_NO_ROWS, E_MISSING_COLUMN, E_MISSING_VALUE.
    """
    keep = reduction.keep if reduction.keep != "auto" else "last" if cells.logged else "all"
    if not cells.logged:
        cells, choice = named_by_file(cells, choice)
    curves = curves_of(cells, choice, decimal)
    if curves is None:
        return cells, choice
    notes: list[Note] = []
    excluded: list[Exclusion] = []
    rates = rates_of(curves)
    curves = with_losses(curves, choice, notes)
    curves = in_order(curves, notes, excluded)
    curves = finite(curves, choice.columns["loss"], notes, excluded)
    refuse_tokens(curves, choice.columns.get("n_tokens"), keep == "last")
    note_gaps(curves, notes)
    if keep != "last":
        curves = trained(curves, notes, excluded)
    diverged = without_divergence(curves, notes, excluded)
    curves = diverged.curves
    if rates:
        note_undecayed(curves, rates, notes)
    if keep == "all":
        curves = without_warmup(curves, diverged.spiking, rates, notes, excluded)
    if reduction.smooth > 1:
        curves = replace(curves, loss=trailing_mean(curves.loss, curves.run, reduction.smooth))
    if keep in ("last", "min"):
        curves = curves.where(~np.isin(curves.run, list(diverged.runs)))
        curves = curves.where(ends(curves.run)) if keep == "last" else curves.at(_least(curves))
    told: Mapping[str, Floats] = {"loss": curves.loss} if reduction.smooth > 1 else {}
    if keep == "tokens":
        curves, told = _at_tokens(curves, choice, reduction.tokens, decimal, rates, notes, excluded)
    return _rows(curves, choice, told, rates, notes, excluded), choice


def _least(curves: Curves) -> Ints:
    """The point of least loss of each run, the first of equals."""
    order = np.lexsort((curves.step, curves.loss, curves.run))
    return np.asarray(order[begins(curves.run[order])], dtype=np.int64)


def _rows(
    curves: Curves, choice: Choice, told: Mapping[str, Floats], rates: Rates | None, notes: list[Note],
    excluded: list[Exclusion],
) -> Cells:  # fmt: skip
    """The rows of the points, with what was computed in place of what was logged."""
    cells = rates.beside(curves.cells) if rates else curves.cells
    if not len(curves):
        reasons = "; ".join(f"{item.run_id}: {item.reason}" for item in excluded[:3])
        remedy = "read other runs, or keep other points: --curve all, or tokens that the runs reach"
        raise DataError("E_NO_ROWS", f"no run is left ({reasons})", file=cells.path, remedy=remedy)
    if len(curves) < len(cells) or (np.diff(curves.row) != 1).any():
        cells = cells.take(curves.row.tolist())
    columns: dict[str, list[Any]] = {choice.columns[name]: values.tolist() for name, values in told.items()}
    return replace(cells.with_columns(columns), notes=(*cells.notes, *notes), excluded=(*cells.excluded, *excluded))


def _at_tokens(
    curves: Curves, choice: Choice, wanted: tuple[float, ...], decimal: str, rates: Rates | None,
    notes: list[Note], excluded: list[Exclusion],
) -> tuple[Curves, Mapping[str, Floats]]:  # fmt: skip
    """Points at the wanted tokens: loss, and C where it was logged, interpolated in ln D between neighbours.

    Nothing is extrapolated: a run that does not reach so far, or begins later, is an exclusion that says so.
    """
    column = choice.columns.get("n_tokens")
    if column is None:
        problem = "points at given tokens need a column of tokens, which is not there"
        remedy = "name one with --n-tokens, or a product such as --n-tokens 'step*262144'"
        raise DataError("E_MISSING_COLUMN", problem, file=curves.cells.path, remedy=remedy)
    curves = curves.where(curves.tokens > 0)
    values = {"loss": curves.loss}
    if "flops" in choice.columns:
        flops = choice.columns["flops"]
        values["flops"] = parse_column(curves.cells, "flops", flops, decimal).values[curves.row]
    log = np.log(curves.tokens)
    after, share, reached = [], [], []
    for tokens in wanted:
        points, part = _reaching(curves, np.log(tokens), log, tokens, excluded)
        after.append(points)
        share.append(part)
        reached.append(np.full(len(points), tokens))
    upper, part, at = np.concatenate(after), np.concatenate(share), np.concatenate(reached)
    order = np.lexsort((at, curves.run[upper]))
    upper, part, at = upper[order], part[order], at[order]
    lower = np.where(part < 1, upper - 1, upper)
    told = {name: array[lower] + part * (array[upper] - array[lower]) for name, array in values.items()}
    told["n_tokens"] = at
    _note_middle(curves, upper, at, rates, notes)
    return curves.at(upper), told


def _reaching(curves: Curves, aim: float, log: Floats, tokens: float, excluded: list[Exclusion]) -> tuple[Ints, Floats]:
    """Of each run that reaches, the first point at or after the aim, and its share in the interpolation."""
    first, last = begins(curves.run), ends(curves.run)
    wanted = f"{format_quantity(tokens, digits=6)} tokens"
    for point in np.flatnonzero(last & (log < aim)).tolist():
        end = format_quantity(float(curves.tokens[point]), digits=4)
        excluded.append(curves.exclusion(point, f"ends at {end} tokens, before {wanted}"))
    for point in np.flatnonzero(first & (log > aim)).tolist():
        begin = format_quantity(float(curves.tokens[point]), digits=4)
        excluded.append(curves.exclusion(point, f"begins at {begin} tokens, after {wanted}"))
    before = np.r_[-np.inf, log[:-1]]
    exact = log == aim
    points = np.flatnonzero(exact | (~first & (before < aim) & (log > aim)))
    points = points[begins(curves.run[points])] if len(points) else points
    start = np.where(exact[points], log[points] - 1.0, before[points])
    part = np.where(exact[points], 1.0, (aim - start) / (log[points] - start))
    return points.astype(np.int64), part


def _note_middle(curves: Curves, upper: Ints, at: Floats, rates: Rates | None, notes: list[Note]) -> None:
    """A note of how many points lie within their runs, where a schedule that decays has not ended."""
    final = np.zeros(len(curves.names))
    np.maximum.at(final, curves.run, curves.tokens)
    middle = int((at < final[curves.run[upper]]).sum())
    if middle:
        decays = "their learning rate had not decayed" if rates else "if the learning rate decays, it had not yet"
        message = f"{middle} of {len(at)} points lie before the ends of their runs: {decays}, and the loss is above"
        notes.append(Note("W_MID_SCHEDULE", f"{message} that of a run ended there"))
