"""IsoFLOP curves: the loss against N at each compute budget, with its minimum, where the runs were swept so."""

from __future__ import annotations

import math

import numpy as np

from reports.axes import limits
from reports.base import Axis, Figure, Layer, Line, Points
from reports.loss_figures import GRID, compute, floats, run_hover
from reports.palette import RAMP, ramp
from reports.wording import number, with_unit
from scalelaw.approaches import Allocation, isoflop
from scalelaw.approaches.isoflop import budgets_of
from scalelaw.fitting import Fit

FEWEST = 2
"""Budgets with a minimum below which the runs were not swept along budgets."""


def isoflop_figure(fit: Fit) -> Figure | None:
    """Each budget's runs, the law along it and its parabola's minimum; None where the design has no such curves."""
    if set(fit.law.inputs) != {"n_params", "n_tokens"} or not np.isfinite(fit.runs.flops).all():
        return None
    found = isoflop(fit.runs)
    swept = [i for i, budget in enumerate(found.budgets) if budget.used]
    if len(swept) < FEWEST:
        return None
    drawn = [swept[round(k)] for k in np.linspace(0, len(swept) - 1, min(len(swept), RAMP))]
    groups = budgets_of(fit.runs)
    layers: list[Layer] = []
    losses: list[float] = []
    sizes: list[float] = []
    for i, colour in zip(drawn, ramp(len(drawn)), strict=True):
        runs = fit.runs.take(groups[i])
        C = math.exp(np.log(compute(runs)).mean())
        grid = np.geomspace(runs.n_params.min() / 1.2, runs.n_params.max() * 1.2, GRID)
        layers.append(Line(floats(grid), floats(fit.predict(n_params=grid, n_tokens=C / (6.0 * grid))), "", colour))
        hover = run_hover(runs, np.arange(len(runs)))
        label = f"{number(found.budgets[i].flops, 2)} FLOP"
        layers.append(Points(floats(runs.n_params), floats(runs.loss), label, colour, hover))
        losses += [*runs.loss]
        sizes += [*runs.n_params]
    return Figure(
        "isoflop",
        "IsoFLOP curves",
        f"Points are runs of like compute, lines are the law along each budget, diamonds the minimum of the parabola "
        f"through its runs (approach 2).{_left_out(found, len(drawn))}",
        Axis("parameters N", *limits(sizes, True), log=True, ticks="count"),
        Axis("loss", *limits(losses), unit="nats/token"),
        (*layers, _minima(found, drawn)),
        legend="compute C",
    )


def _minima(found: Allocation, drawn: list[int]) -> Points:
    budgets = [found.budgets[i] for i in drawn]
    hover = tuple(f"minimum at {with_unit(b.n_params, 'parameters')}\n{number(b.flops, 3)} FLOP" for b in budgets)
    sizes, losses = floats([b.n_params for b in budgets]), floats([b.loss for b in budgets])
    return Points(sizes, losses, "minimum", "plan", hover, "diamond")


def _left_out(found: Allocation, drawn: int) -> str:
    used, rejected = len(found.used), len(found.budgets) - len(found.used)
    words = f" {drawn} of {used} budgets are drawn." if drawn < used else ""
    return words + (f" {rejected} more groups of like compute have no minimum that counts." if rejected else "")
