"""A design in the plane of N and D, against the IsoFLOP grid of its cost."""

from __future__ import annotations

import numpy as np

from reports.axes import limits
from reports.base import Axis, Figure, Line, Points
from reports.loss_figures import floats
from reports.palette import ramp
from reports.wording import number, with_unit
from scalelaw.designing import Design, Next
from scalelaw.designing.base import Layout
from scalelaw.runs import RunTable

BUDGETS = 6
"""Lines of equal compute drawn, at most."""
TIMES = {1: "once", 2: "twice"}


def design_figure(design: Design | Next) -> Figure:
    """The runs to make, by how often each is made; the grid and its budgets, the runs already made.

    `design` may be the runs to make next, which have no grid beside them.
    """
    layout, runs = design.layout, design.fit.runs
    grid = design.reference if isinstance(design, Design) else None
    layouts = [layout] if grid is None else [layout, grid]
    N = np.concatenate([runs.n_params, *(one.n_params for one in layouts)])
    D = np.concatenate([runs.n_tokens, *(one.n_tokens for one in layouts)])
    x, y = (
        Axis(label, *limits(v, True), log=True, ticks="count") for label, v in (("parameters N", N), ("tokens D", D))
    )
    beside = "" if grid is None else " Grey: the IsoFLOP grid of the same cost."
    return Figure(
        "design",
        "Runs that tell the most" if grid is not None else "Runs to make next",
        f"Diamonds are runs to make under the {design.criterion} criterion, coloured by how often each is made, "
        f"{number(layout.cost, 3)} FLOP in all.{beside} Lines join runs of equal compute C = 6ND.",
        x,
        y,
        (
            *_equal_compute(x, y, (layout if grid is None else grid).flops),
            _made(runs),
            *(() if grid is None else (_points(grid, "IsoFLOP grid", "muted"),)),
            *_by_repeats(layout),
        ),
    )


def _equal_compute(x: Axis, y: Axis, flops: np.ndarray) -> list[Line]:
    """D = C / (6 N) inside the axes, for every C among the runs', or their ends where there are many."""
    budgets = np.exp(np.unique(np.round(np.log(flops), 6)))
    lines: list[Line] = []
    for C in budgets if len(budgets) <= BUDGETS else budgets[[0, -1]]:
        ends = np.array([max(x.low, C / 6 / y.high), min(x.high, C / 6 / y.low)])
        label = "equal compute" if not lines else ""
        lines.append(Line(floats(ends), floats(C / 6 / ends), label, "shade", (f"{number(C, 3)} FLOP",) * 2))
    return lines


def _made(runs: RunTable) -> Points:
    return Points(floats(runs.n_params), floats(runs.n_tokens), "already made", "accent")


def _points(layout: Layout, label: str, colour: str) -> Points:
    return Points(floats(layout.n_params), floats(layout.n_tokens), label, colour, _hover(layout))


def _by_repeats(layout: Layout) -> list[Points]:
    """The layout as diamonds, a colour for each number of repeats."""
    counts = np.unique(layout.repeats)
    found = []
    for times, colour in zip(counts, ramp(min(len(counts), 8)) * len(counts), strict=False):
        rows = layout.repeats == times
        part = Layout(layout.n_params[rows], layout.n_tokens[rows], layout.repeats[rows])
        label = f"to make {TIMES.get(round(times), f'{times:g} times')}"
        found.append(Points(floats(part.n_params), floats(part.n_tokens), label, colour, _hover(part), "diamond"))
    return found


def _hover(layout: Layout) -> tuple[str, ...]:
    rows = zip(layout.n_params, layout.n_tokens, layout.flops, layout.repeats, strict=True)
    return tuple(
        f"N {with_unit(n, 'parameters')}\nD {with_unit(d, 'tokens')}\n{number(c, 3)} FLOP, {times:.3g} times"
        for n, d, c, times in rows
    )
