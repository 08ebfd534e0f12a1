"""The compute-optimal allocation, and the loss it buys, against compute."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from reports.axes import limits
from reports.base import Axis, Band, Figure, Floats, Line, Mark, Points, Region, TickStyle
from reports.loss_figures import compute, floats, run_hover
from reports.thinning import drawn_rows, thinned
from reports.wording import number, percent, with_unit
from scalelaw.errors import UsageError
from scalelaw.fitting import Fit
from scalelaw.intervals import OptimalLoss, OptimalParams, OptimalTokens, Target, Uncertainty
from scalelaw.planning import Plan
from scalelaw.results import Interval
from scalelaw.runs import RunTable

GRID, COARSE = 33, 9
"""Budgets at which intervals are computed; the smaller number where `MANY` runs make each of them slow."""
MANY = 20_000
BEYOND = 10.0
"""How far beyond the largest run, or the plan, the budgets go, as a factor."""
RUNAWAY = 100.0
"""How far beyond its line a band is followed, as a factor."""


@dataclass(frozen=True)
class Optimum:
    """A quantity at the optimum. `column` is what a `RunTable` and a `Plan` call it."""

    name: str
    title: str
    label: str
    column: str
    unit: str
    target: Callable[[float], Target]
    log: bool
    ticks: TickStyle
    caption: str


OPTIMA = (
    Optimum(
        "optimal_params",
        "Compute-optimal parameters",
        "parameters N*",
        "n_params",
        "parameters",
        OptimalParams,
        True,
        "count",
        "The size N* of least loss for a budget C = 6ND",
    ),
    Optimum(
        "optimal_tokens",
        "Compute-optimal tokens",
        "tokens D*",
        "n_tokens",
        "tokens",
        OptimalTokens,
        True,
        "count",
        "The tokens D* of least loss for a budget C = 6ND",
    ),
    Optimum(
        "frontier",
        "Loss at the optimum",
        "loss",
        "loss",
        "nats/token",
        OptimalLoss,
        False,
        "number",
        "The least loss that a budget C = 6ND buys",
    ),
)


def optimum_figures(fit: Fit, known: Uncertainty, plan: Plan | None, level: float) -> tuple[Figure, ...]:
    """N*, D* and the loss against compute; those that exist."""
    if not has_optimum(fit):
        return ()
    budgets = _budgets(fit.runs, plan)
    figures = [_against_compute(optimum, known, plan, budgets, level) for optimum in OPTIMA]
    return tuple(figure for figure in figures if figure)


def has_optimum(fit: Fit) -> bool:
    """Whether the law trades parameters against tokens."""
    try:
        with np.errstate(all="ignore"):  # an exponent of zero has a trade-off and no optimum
            fit.law.optimum(fit.natural[None], float(compute(fit.runs).max()))
    except UsageError:
        return False
    return True


def _budgets(runs: RunTable, plan: Plan | None) -> Floats:
    C = compute(runs)
    farthest = max(C.max(), plan.flops if plan else 0.0)
    return floats(np.geomspace(C.min(), BEYOND * farthest, COARSE if len(runs) > MANY else GRID))


def _against_compute(
    optimum: Optimum, known: Uncertainty, plan: Plan | None, budgets: Floats, level: float
) -> Figure | None:
    """None where the law has no optimum at any of the budgets."""
    line, band = _curve(optimum, known, budgets, level)
    if not line.x:
        return None
    runs = _runs(optimum, known.fit.runs)
    unit = "nats/token" if optimum.unit == "nats/token" else ""
    return Figure(
        optimum.name,
        optimum.title,
        f"{optimum.caption}, {_how_sure(band, level)}{thinned(known.fit.runs)}",
        Axis("compute C", *limits(budgets, True), unit="FLOP", log=True, ticks="power"),
        Axis(optimum.label, *_heights(band, line, runs, optimum.log), unit=unit, log=optimum.log, ticks=optimum.ticks),
        (_trained(known.fit.runs), *_budget_mark(plan), *band, runs, line, *_planned(optimum, plan)),
    )


def _how_sure(band: tuple[Band, ...], level: float) -> str:
    if not band:
        return "without an interval, since too many replicates have no optimum."
    beyond = "Outside the shaded range of the runs it is extrapolated, and the band knows of no law that bends there."
    return f"with its {percent(level)} interval. {beyond}"


def _curve(optimum: Optimum, known: Uncertainty, budgets: Floats, level: float) -> tuple[Line, tuple[Band, ...]]:
    """The estimate over the budgets that have one, and the interval over those that have one."""
    fit = known.fit
    estimates = [(C, float(optimum.target(C).evaluate(fit, fit.natural[None])[0])) for C in budgets]
    x, y = _columns([(C, value) for C, value in estimates if math.isfinite(value)], 2)
    hover = tuple(f"optimum for {number(C, 3)} FLOP\n{with_unit(v, optimum.unit)}" for C, v in zip(x, y, strict=True))
    intervals = [(C, known.interval(optimum.target(C), level)) for C in budgets]
    at, low, high = _columns([(C, i.low, i.high) for C, i in intervals if isinstance(i, Interval)], 3)
    band = (Band(at, low, high, f"{percent(level)} interval", "accent"),) if at else ()
    return Line(x, y, "optimum", "accent", hover), band


def _columns(rows: Sequence[tuple[float, ...]], width: int) -> list[Floats]:
    """Rows as columns; empty ones where there is no row."""
    return [floats([row[k] for row in rows]) for k in range(width)]


def _runs(optimum: Optimum, runs: RunTable) -> Points:
    rows = drawn_rows(runs)
    return Points(
        floats(compute(runs)[rows]), floats(runs.column(optimum.column)[rows]), "runs", "muted", run_hover(runs, rows)
    )


def _heights(bands: tuple[Band, ...], line: Line, runs: Points, log: bool) -> tuple[float, float]:
    """What the axis must hold: the runs and the band, unless the band runs away from its line."""
    ends = [end for band in bands for end in band.low + band.high]
    followed = np.clip(ends, min(line.y) / RUNAWAY, max(line.y) * RUNAWAY)
    return limits((*followed, *line.y, *runs.y), log)


def _trained(runs: RunTable) -> Region:
    C = compute(runs)
    return Region(float(C.min()), float(C.max()), "range of the runs", "shade")


def _budget_mark(plan: Plan | None) -> tuple[Mark, ...]:
    return (Mark(plan.flops, "budget of the plan", "plan"),) if plan else ()


def _planned(optimum: Optimum, plan: Plan | None) -> tuple[Points, ...]:
    """The plan as a point, where it has one."""
    interval = getattr(plan, optimum.column, None)
    if plan is None or not isinstance(interval, Interval):
        return ()
    hover = f"plan for {number(plan.flops, 3)} FLOP\n{with_unit(interval.estimate, optimum.unit)}"
    return (Points((plan.flops,), (interval.estimate,), "plan", "plan", (hover,), "diamond"),)
