"""The law over its runs, against compute or its one variable."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reports.axes import limits
from reports.base import Axis, Band, Figure, Floats, Line, Points, Region, TickStyle
from reports.size_groups import SizeGroup, size_groups
from reports.thinning import drawn_rows, thinned
from reports.wording import clip, number, percent, with_unit
from scalelaw.fitting import Fit
from scalelaw.intervals import LossAt, Uncertainty
from scalelaw.results import Interval
from scalelaw.runs import QUANTITIES, RunTable

Numbers = NDArray[np.float64]

GRID = 60
"""Points of a drawn curve."""
BEYOND = 100.0
"""How far a one-variable law is drawn beyond its largest run, as a factor."""
LETTERS = {
    "n_params": "parameters N",
    "n_params_non_embedding": "non-embedding parameters N",
    "n_tokens": "tokens D",
    "flops": "compute C",
}
STYLES: dict[str, TickStyle] = {"n_params": "count", "n_params_non_embedding": "count", "n_tokens": "count"}


def floats(values: ArrayLike) -> Floats:
    """Numbers as plain data."""
    return tuple(map(float, np.asarray(values, dtype=float)))


def compute(runs: RunTable) -> Numbers:
    """C = 6 N D of every run, FLOP, by the table's own N: the budget that plans are made for."""
    return np.asarray(6.0 * runs.n_params * runs.n_tokens)


def run_hover(runs: RunTable, rows: NDArray[np.intp]) -> tuple[str, ...]:
    """What a reader sees over a run: its id, sizes and loss."""
    return tuple(_run_words(runs, int(i)) for i in rows)


def _run_words(runs: RunTable, i: int) -> str:
    columns = (("N", runs.n_params, "parameters"), ("D", runs.n_tokens, "tokens"), ("C", runs.flops, "FLOP"))
    sizes = [f"{letter} {with_unit(float(v[i]), unit)}" for letter, v, unit in columns if np.isfinite(v[i])]
    loss = f"loss {with_unit(float(runs.loss[i]), 'nats/token', 4)}"
    return "\n".join([clip(runs.run_id[i]), *sizes, loss])


def input_axis(name: str, values: Floats) -> Axis:
    """The axis of one of a law's inputs: logarithmic for counts and compute, plain for another column."""
    known = name in QUANTITIES and name != "loss"
    label, unit = (LETTERS.get(name, name), QUANTITIES[name]) if known else (clip(name), "")
    unit = "" if label.startswith(("parameters", "tokens", "non-embedding")) else unit
    return Axis(label, *limits(values, known), unit=unit, log=known, ticks=STYLES.get(name, "power"))


def law_figure(fit: Fit, known: Uncertainty, level: float) -> Figure | None:
    """The law over the data; None for a law that needs more than two axes."""
    if set(fit.law.inputs) == {"n_params", "n_tokens"}:
        return _by_size(fit)
    return _curve(fit, known, level) if len(fit.law.inputs) == 1 else None


def _by_size(fit: Fit) -> Figure:
    runs, groups, C = fit.runs, size_groups(fit.runs, residuals=fit.residuals), compute(fit.runs)
    points = [
        Points(floats(C[g.rows]), floats(runs.loss[g.rows]), g.label, g.colour, run_hover(runs, g.rows)) for g in groups
    ]
    lines = [_line_of(fit, group, C) for group in groups]
    binned = len(np.unique(runs.n_params)) > len(groups)
    which = "the law at the median size of each range" if binned else "the law at each size"
    return Figure(
        "law",
        "The law over the runs",
        f"Points are runs, lines are {which}, C = 6ND.{thinned(runs)}",
        Axis("compute C", *limits(C, True), unit="FLOP", log=True, ticks="power"),
        Axis("loss", *limits(runs.loss), unit="nats/token"),
        (*lines, *points),
        legend="parameters N",
    )


def _line_of(fit: Fit, group: SizeGroup, C: Numbers) -> Line:
    """The law at a group's median size, over the group's range of compute and a factor of two on either side."""
    grid = np.geomspace(C[group.rows].min() / 2, C[group.rows].max() * 2, GRID)
    loss = fit.predict(n_params=group.middle, n_tokens=grid / (6.0 * group.middle))
    return Line(floats(grid), floats(loss), "", group.colour)


def _curve(fit: Fit, known: Uncertainty, level: float) -> Figure:
    name, runs, rows = fit.law.inputs[0], fit.runs, drawn_rows(fit.runs, fit.residuals)
    x = fit.law.read(runs)[:, 0]
    grid = floats(_curve_grid(name, x))
    loss, band = floats(fit.predict(**{name: grid})), _loss_band(known, name, grid, level)
    return Figure(
        "law",
        "The law over the runs",
        f"Points are runs; the band is the {percent(level)} confidence interval of the law. Outside the shaded range "
        f"of the runs the law is extrapolated, and the band knows of no law that bends there.{thinned(runs)}",
        input_axis(name, grid),
        Axis("loss", *limits((*loss, *runs.loss)), unit="nats/token"),
        (
            Region(float(x.min()), float(x.max()), "range of the runs", "shade"),
            *band,
            Line(grid, loss, "law", "ink", tuple(f"law\nloss {number(v)}" for v in loss)),
            Points(floats(x[rows]), floats(runs.loss[rows]), "runs", "accent", run_hover(runs, rows)),
        ),
    )


def _curve_grid(name: str, x: Numbers) -> Numbers:
    """Where a one-variable law is drawn: far beyond the runs for a count or compute, a little for another loss."""
    low, high = x.min(), x.max()
    if name in QUANTITIES:
        return np.geomspace(low / 1.5, high * BEYOND, GRID)
    return np.linspace(max(low - 0.3 * (high - low), low / 2), high + 0.1 * (high - low), GRID)


def _loss_band(known: Uncertainty, name: str, grid: Floats, level: float) -> tuple[Band, ...]:
    intervals = [known.interval(LossAt(**{name: x}), level) for x in grid]
    drawn = [(x, i.low, i.high) for x, i in zip(grid, intervals, strict=True) if isinstance(i, Interval)]
    if not drawn:
        return ()
    x, low, high = (floats(column) for column in zip(*drawn, strict=True))
    return (Band(x, low, high, f"{percent(level)} interval", "accent"),)
