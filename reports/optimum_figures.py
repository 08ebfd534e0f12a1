"""The compute-optimal allocation against compute, and how flat it is at the plan's budget."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from reports.axes import limits
from reports.base import Axis, Band, Figure, Floats, Line, Mark, Points, Region
from reports.loss_figures import compute, floats, run_hover
from reports.size_groups import drawn_rows, thinned
from reports.wording import number, with_unit
from scalelaw.errors import UsageError
from scalelaw.fitting import Fit
from scalelaw.intervals import LEVEL, Draws, OptimalLoss, OptimalParams, OptimalTokens, Target
from scalelaw.planning import Plan
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable

GRID = 33
"""Budgets at which intervals are computed."""
BEYOND = 10.0
"""How far beyond the largest run, or the plan, the budgets go, as a factor."""
CURVE = 120


def has_optimum(fit: Fit) -> bool:
    """Whether the law trades parameters against tokens."""
    try:
        fit.law.optimum(fit.natural[None], float(compute(fit.runs).max()))
    except UsageError:
        return False
    return True


def optimum_figures(fit: Fit, draws: Draws, plan: Plan | None) -> tuple[Figure, ...]:
    """N*, D* and the loss against compute, then the near-optimal sizes; those that exist."""
    if not has_optimum(fit):
        return ()
    budgets = _budgets(fit.runs, plan)
    sizes = [
        _allocation(draws, plan, budgets, "optimal_params", "N*", "parameters", OptimalParams, fit.runs.n_params),
        _allocation(draws, plan, budgets, "optimal_tokens", "D*", "tokens", OptimalTokens, fit.runs.n_tokens),
    ]
    figures = [*sizes, _frontier(draws, plan, budgets), _near_optimal(plan) if plan else None]
    return tuple(figure for figure in figures if figure)


def _budgets(runs: RunTable, plan: Plan | None) -> Floats:
    C = compute(runs)
    farthest = max(C.max(), plan.flops if plan else 0.0)
    return floats(np.geomspace(C.min(), BEYOND * farthest, GRID))


def _allocation(
    draws: Draws,
    plan: Plan | None,
    budgets: Floats,
    name: str,
    letter: str,
    noun: str,
    target: Callable[[float], Target],
    runs_have: np.typing.NDArray[np.float64],
) -> Figure | None:
    """N* or D* against compute; None where the law has no optimum at any of the budgets."""
    intervals = [draws.interval(target(C)) for C in budgets]
    curve = _curve(budgets, intervals, letter, noun)
    if not curve:
        return None
    runs, rows = draws.fit.runs, drawn_rows(draws.fit.runs)
    shown = Points(floats(compute(runs)[rows]), floats(runs_have[rows]), "runs", "muted", run_hover(runs, rows))
    planned = _planned(plan, plan and (plan.n_params if noun == "parameters" else plan.n_tokens), noun)
    letters = f"{noun} {letter}"
    return Figure(
        name,
        f"Compute-optimal {noun}",
        f"{letter} of least loss for a budget C = 6ND, with its {LEVEL:.0%} interval.{thinned(runs)}",
        _compute_axis(budgets),
        Axis(letters, *limits((*curve[-1].y, *shown.y), True), log=True, ticks="count"),
        (_trained(runs), *_budget_mark(plan), *curve[:-1], shown, curve[-1], *planned),
    )


def _frontier(draws: Draws, plan: Plan | None, budgets: Floats) -> Figure | None:
    """The least loss a budget can buy, over the runs."""
    intervals = [draws.interval(OptimalLoss(C)) for C in budgets]
    curve = _curve(budgets, intervals, "loss", "nats/token")
    if not curve:
        return None
    runs, rows = draws.fit.runs, drawn_rows(draws.fit.runs)
    shown = Points(floats(compute(runs)[rows]), floats(runs.loss[rows]), "runs", "muted", run_hover(runs, rows))
    return Figure(
        "frontier",
        "Loss at the optimum",
        f"The least loss a budget buys, with the {LEVEL:.0%} interval of the law. Outside the shaded range it is "
        f"extrapolated, and the band knows of no law that bends there.{thinned(runs)}",
        _compute_axis(budgets),
        Axis("loss", *limits((*curve[-1].y, *shown.y)), unit="nats/token"),
        (
            _trained(runs),
            *_budget_mark(plan),
            *curve[:-1],
            shown,
            curve[-1],
            *_planned(plan, plan and plan.loss, "nats/token"),
        ),
    )


def _curve(
    budgets: Floats, intervals: list[Interval | Unavailable], letter: str, unit: str
) -> tuple[Band, Line] | tuple[()]:
    """The band and the line over the budgets that have one."""
    known = [(C, i) for C, i in zip(budgets, intervals, strict=True) if isinstance(i, Interval)]
    if not known:
        return ()
    x = floats([C for C, _ in known])
    band = Band(
        x, floats([i.low for _, i in known]), floats([i.high for _, i in known]), f"{LEVEL:.0%} interval", "accent"
    )
    hover = tuple(
        f"C {number(C, 3)} FLOP\n{letter} {with_unit(i.estimate, unit)}\n"
        f"{with_unit(i.low, unit)} to {with_unit(i.high, unit)}"
        for C, i in known
    )
    return band, Line(x, floats([i.estimate for _, i in known]), f"optimum {letter}", "accent", hover)


def _compute_axis(budgets: Floats) -> Axis:
    return Axis("compute C", *limits(budgets, True), unit="FLOP", log=True, ticks="power")


def _trained(runs: RunTable) -> Region:
    C = compute(runs)
    return Region(float(C.min()), float(C.max()), "range of the runs", "shade")


def _budget_mark(plan: Plan | None) -> tuple[Mark, ...]:
    return (Mark(plan.flops, "budget of the plan", "plan"),) if plan else ()


def _planned(plan: Plan | None, interval: Interval | Unavailable | None, unit: str) -> tuple[Points, ...]:
    """The plan as a point, where it has one."""
    if plan is None or not isinstance(interval, Interval):
        return ()
    hover = f"plan for {number(plan.flops, 3)} FLOP\n{with_unit(interval.estimate, unit)}"
    return (Points((plan.flops,), (interval.estimate,), "plan", "plan", (hover,), "diamond"),)


def _near_optimal(plan: Plan) -> Figure | None:
    """The loss against N at the plan's budget, D = C / (6N), with the ranges within 0.1 % and 1 % of the best."""
    if not plan.bands or not isinstance(plan.n_params, Interval):
        return None
    best, widest = plan.n_params.estimate, max(plan.bands, key=lambda band: band.factor)
    low, high = _within(widest.n_params_low, best / 100.0), _within(widest.n_params_high, best * 100.0)
    grid = np.geomspace(low**1.2 / best**0.2, high**1.2 / best**0.2, CURVE)
    loss = plan.fit.predict(n_params=grid, n_tokens=plan.flops / (6.0 * grid))
    regions = [
        Region(_within(b.n_params_low, low), _within(b.n_params_high, high), f"within {100 * b.excess:g} %", "accent")
        for b in sorted(plan.bands, key=lambda band: -band.excess)
    ]
    hover = tuple(f"N {with_unit(n, 'parameters')}\nloss {number(v)}" for n, v in zip(grid, loss, strict=True))
    return Figure(
        "near_optimal",
        "How flat the optimum is",
        f"Loss against model size for {number(plan.flops, 3)} FLOP, D = C/(6N). The shaded sizes cost at most 0.1 % or "
        "1 % in loss: within them, choose what is easier to train or cheaper to serve.",
        Axis("parameters N", *limits(grid, True), log=True, ticks="count"),
        Axis("loss", *limits(loss), unit="nats/token"),
        (
            *regions,
            Line(floats(grid), floats(loss), "loss at the budget", "ink", hover),
            Mark(best, "optimum N*", "plan"),
        ),
    )


def _within(value: float, otherwise: float) -> float:
    """An end of a range, or what to draw where it is infinite or zero."""
    return value if math.isfinite(value) and value > 0 else otherwise
