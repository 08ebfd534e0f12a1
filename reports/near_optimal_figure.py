"""How flat the optimum is at the plan's budget."""

from __future__ import annotations

import math

import numpy as np

from reports.axes import limits
from reports.base import Axis, Figure, Line, Mark, Region
from reports.loss_figures import floats
from reports.wording import number, with_unit
from scalelaw.planning import Plan
from scalelaw.results import Interval

POINTS = 120
"""Points of the drawn curve."""
FARTHEST = 100.0
"""How far from the best size a range is drawn whose end is infinite, as a factor."""


def near_optimal_figure(plan: Plan) -> Figure | None:
    """The loss against N at the plan's budget, D = C / (6N), with the ranges within 0.1% and 1% of the best."""
    if not plan.bands or not isinstance(plan.n_params, Interval):
        return None
    best, widest = plan.n_params.estimate, max(plan.bands, key=lambda band: band.factor)
    low, high = _within(widest.n_params_low, best / FARTHEST), _within(widest.n_params_high, best * FARTHEST)
    grid = np.geomspace(low**1.2 / best**0.2, high**1.2 / best**0.2, POINTS)
    loss = plan.fit.predict(n_params=grid, n_tokens=plan.flops / (6.0 * grid))
    hover = tuple(f"N {with_unit(n, 'parameters')}\nloss {number(v)}" for n, v in zip(grid, loss, strict=True))
    return Figure(
        "near_optimal",
        "How flat the optimum is",
        f"Loss against model size for {number(plan.flops, 3)} FLOP, D = C/(6N). The shaded sizes cost at most 0.1% or "
        "1% in loss: within them, choose what is easier to train or cheaper to serve.",
        Axis("parameters N", *limits(grid, True), log=True, ticks="count"),
        Axis("loss", *limits(loss), unit="nats/token"),
        (
            *_ranges(plan, low, high),
            Line(floats(grid), floats(loss), "loss at the budget", "ink", hover),
            Mark(best, "optimum N*", "plan"),
        ),
    )


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
