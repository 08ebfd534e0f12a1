"""How flat the optimum is at the plan's spending."""

from __future__ import annotations

import math

import numpy as np

from reports.axes import limits
from reports.base import Axis, Figure, Line, Mark, Points, Region
from reports.loss_figures import floats
from reports.wording import number, with_unit
from scalelaw.planning import Plan
from scalelaw.planning.base import Cost
from scalelaw.results import Interval

POINTS = 120
"""Points of the drawn curve."""
FARTHEST = 100.0
"""How far from the best size a range is drawn whose end is infinite, as a factor."""


def near_optimal_figure(plan: Plan) -> Figure | None:
    """The loss against N at the plan's spending, with the ranges within 0.1% and 1% of the best and what others lose.

    None where N was given.
    """
    if not plan.bands or not isinstance(plan.n_params, Interval):
        return None
    best, widest = plan.n_params.estimate, max(plan.bands, key=lambda band: band.factor)
    low, high = _within(widest.n_params_low, best / FARTHEST), _within(widest.n_params_high, best * FARTHEST)
    sizes = [cost.n_params for cost in _affordable(plan)]
    low, high = min([low, *sizes]), max([high, *sizes])
    grid = np.geomspace(low**1.1 / best**0.1, high**1.1 / best**0.1, POINTS)
    grid = grid[plan.tokens_for(grid) > 0]
    loss = plan.loss_for(grid)
    hover = tuple(f"N {with_unit(n, 'parameters')}\nloss {number(v)}" for n, v in zip(grid, loss, strict=True))
    others = _others(plan)
    return Figure(
        "near_optimal",
        "How flat the optimum is",
        f"Loss against model size, each with the tokens that the plan's spending of {_spending(plan)} buys it. The "
        "shaded sizes cost at most 0.1% or 1% in loss: within them, choose what is easier to train or cheaper to serve."
        f"{' Diamonds are the sizes of the table of costs.' if others else ''}",
        Axis("parameters N", *limits(grid, True), log=True, ticks="count"),
        Axis("loss", *limits(loss), unit="nats/token"),
        (
            *_ranges(plan, low, high),
            Line(floats(grid), floats(loss), "loss at the spending", "ink", hover),
            Mark(best, "optimum N*", "plan"),
            *others,
        ),
    )


def _spending(plan: Plan) -> str:
    return with_unit(plan.spent.estimate, plan.spent.unit) if isinstance(plan.spent, Interval) else "unknown size"


def _others(plan: Plan) -> tuple[Points, ...]:
    """The sizes whose costs the plan states, at their losses for the plan's spending; those that it can buy."""
    known = [(c.what, c.n_params, float(plan.loss_for(c.n_params)[0])) for c in _affordable(plan)]
    if not known:
        return ()
    hover = tuple(f"{what}\nN {with_unit(n, 'parameters')}\nloss {number(loss)}" for what, n, loss in known)
    x, y = floats([n for _, n, _ in known]), floats([loss for *_, loss in known])
    return (Points(x, y, "other sizes", "accent", hover, "diamond"),)


def _affordable(plan: Plan) -> list[Cost]:
    return [cost for cost in plan.costs if float(plan.tokens_for(cost.n_params)) > 0]


def _ranges(plan: Plan, low: float, high: float) -> list[Region]:
    """The shaded sizes, widest first so that the narrow range lies on top."""
    bands = zip(sorted(plan.bands, key=lambda band: -band.excess), ("shade", "accent"), strict=True)
    return [
        Region(_within(b.n_params_low, low), _within(b.n_params_high, high), f"within {100 * b.excess:g}%", colour)
        for b, colour in bands
    ]


def _within(value: float, otherwise: float) -> float:
    """An end of a range, or what to draw where it is infinite or zero."""
    return value if math.isfinite(value) and value > 0 else otherwise
