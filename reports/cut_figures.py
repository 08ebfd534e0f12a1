"""Cuts through a law of N and D: the loss against one of them, at levels of the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from reports.axes import limits
from reports.base import Axis, Figure, Line, Points
from reports.loss_figures import GRID, LETTERS, floats, input_axis, run_hover
from reports.size_groups import SizeGroup, size_groups
from reports.thinning import thinned
from scalelaw.fitting import Fit

TITLES = {"n_params": "Loss against parameters, L(N)", "n_tokens": "Loss against tokens, L(D)"}


def cut_figures(fit: Fit) -> tuple[Figure, ...]:
    """L(N) at levels of D and L(D) at levels of N; none for a law of other variables."""
    if set(fit.law.inputs) != {"n_params", "n_tokens"}:
        return ()
    return _cut(fit, "n_params", "n_tokens"), _cut(fit, "n_tokens", "n_params")


def _cut(fit: Fit, along: str, at: str) -> Figure:
    runs, groups = fit.runs, size_groups(fit.runs, at, fit.residuals)
    x, levels = runs.column(along), np.unique(runs.column(at))
    lines = [_line(fit, along, at, group) for group in groups]
    points = [
        Points(floats(x[g.rows]), floats(runs.loss[g.rows]), g.label, g.colour, run_hover(runs, g.rows)) for g in groups
    ]
    which = "level" if len(levels) <= len(groups) else "range's median"
    return Figure(
        f"cut_{along}",
        TITLES[along],
        f"Points are runs; each line is the law at one {which} of the {LETTERS[at]}.{thinned(runs)}",
        input_axis(along, floats(x)),
        Axis("loss", *limits(runs.loss), unit="nats/token"),
        (*lines, *points),
        legend=LETTERS[at],
    )


def _line(fit: Fit, along: str, at: str, group: SizeGroup) -> Line:
    """The law over the group's own range, and a factor of two on either side."""
    x = fit.runs.column(along)[group.rows]
    grid = np.geomspace(x.min() / 2, x.max() * 2, GRID)
    inputs: dict[str, ArrayLike] = {along: grid, at: group.middle}
    return Line(floats(grid), floats(fit.predict(**inputs)), "", group.colour)
