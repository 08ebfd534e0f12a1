"""How far each law missed the held-out runs, and where the laws part beyond them."""

from __future__ import annotations

import math

import numpy as np

from reports.axes import limits
from reports.base import Axis, Band, Figure, Layer, Line, Mark, Points, Region
from reports.loss_figures import Numbers, compute, floats, input_axis
from reports.wording import clip, number, percent, with_unit
from scalelaw.comparing import Candidate, Comparison
from scalelaw.results import Interval
from scalelaw.runs import QUANTITIES

COLOURS = ("accent", "plan", "size5", "shade", "size7", "size0")
"""For laws, in their order; ink is that of their average."""
MOST = 60
"""Held-out runs of a cut that are drawn."""
GRID = 40
BEYOND = 100.0
"""How far beyond the largest run the laws are followed, as a factor."""


def law_colours(comparison: Comparison) -> dict[str, str]:
    """A colour for each law, in their order."""
    labels = [candidate.label for candidate in comparison.candidates]
    return {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}


def error_figure(comparison: Comparison) -> Figure:
    """ln(predicted / observed) of the runs held out at the cut that holds out most, with prediction intervals."""
    cuts = [max(candidate.backtest.cuts, key=lambda cut: len(cut.held_out)) for candidate in comparison.candidates]
    n = len(cuts[0].held_out)
    rows = np.unique(np.linspace(0, n - 1, min(n, MOST)).astype(np.intp))
    shown = f" {len(rows)} of {n} are drawn." if len(rows) < n else ""
    places = np.argsort(np.argsort(cuts[0].decades[rows], kind="stable")).astype(float)
    layers: list[Layer] = [Mark(0.0, "", "muted", "y")]
    heights: list[float] = [0.0]
    colours = law_colours(comparison)
    for i, (candidate, cut) in enumerate(zip(comparison.candidates, cuts, strict=True)):
        colour = colours[candidate.label]
        x: Numbers = np.asarray(places + 1.0 + 0.7 * ((i + 0.5) / len(cuts) - 0.5))
        errors = 100.0 * cut.log_errors[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = (100.0 * np.log(cut.ends[rows, k] / cut.observed[rows]) for k in (0, 1))
        hover = tuple(
            f"{clip(cut.held_out.run_id[j])}\n{candidate.label}: {with_unit(e, '%', 2)}\n"
            f"{number(float(cut.decades[j]), 2)} decades beyond"
            for j, e in zip(rows, errors, strict=True)
        )
        layers += [_bars(x, low, high, colour), Points(floats(x), floats(errors), candidate.label, colour, hover)]
        heights += [v for v in (*errors, *low, *high) if math.isfinite(v)]
    return Figure(
        "errors",
        "Predictions of held-out runs",
        f"Each law fitted without the {n} largest runs, against what these runs then reached; bars are "
        f"{percent(comparison.level)} prediction intervals, and one that crosses the dashed line held.{shown}",
        Axis("held-out run, nearest first", *limits([0.5, len(rows) + 0.5])),
        Axis("ln(predicted/observed)", *limits(heights), unit="%"),
        tuple(layers),
        legend="law",
    )


def _bars(x: Numbers, low: Numbers, high: Numbers, colour: str) -> Line:
    """Upright bars as one line with gaps."""
    gap = np.full(len(x), np.nan)
    return Line(floats(np.stack([x, x, gap], 1).ravel()), floats(np.stack([low, high, gap], 1).ravel()), "", colour)


def parting_figure(comparison: Comparison) -> Figure | None:
    """Every law beyond the runs, and the average with its interval; None where the laws have no path in common.

    Laws of N and D are followed along the runs' median D/N, laws of one variable along that variable.
    """
    runs = comparison.best.fit.runs
    inputs = {name for candidate in comparison.candidates for name in candidate.fit.law.inputs}
    if inputs <= {"n_params", "n_tokens", "flops"} and len(inputs) > 1:
        C, ratio = compute(runs), float(np.median(runs.n_tokens / runs.n_params))
        grid = np.geomspace(C.min(), C.max() * BEYOND, GRID)
        n_params = np.sqrt(grid / (6.0 * ratio))
        at = {"n_params": n_params, "n_tokens": ratio * n_params}
        axis = Axis("compute C", *limits(grid, True), unit="FLOP", log=True, ticks="power")
        path, inside = f"D/N = {number(ratio, 3)}, the runs' median", C
    elif len(inputs) == 1 and (name := next(iter(inputs))) in QUANTITIES:
        values = runs.column(name)
        grid = np.geomspace(values.min(), values.max() * BEYOND, GRID)
        at, axis, path, inside = {name: grid}, input_axis(name, floats(grid)), "the variable of the laws", values
    else:
        return None
    colours = law_colours(comparison)
    lines = [_line(candidate, grid, at, colours[candidate.label]) for candidate in comparison.candidates]
    average, band = _average(comparison, grid, at)
    heights = limits([v for layer in (*lines, average) for v in layer.y])
    return Figure(
        "parting",
        "Where the laws part",
        f"Each law fitted to all runs, the largest weighing most, along {path}. The band is the "
        f"{percent(comparison.level)} prediction interval of the average: it knows of these laws and of no other.",
        axis,
        Axis("loss", *heights, unit="nats/token"),
        (Region(float(inside.min()), float(inside.max()), "range of the runs", "shade"), *band, *lines, average),
        legend="law",
    )


def _line(candidate: Candidate, grid: Numbers, at: dict[str, Numbers], colour: str) -> Line:
    fit = candidate.forecast
    both = at if "flops" in at else at | {"flops": grid}
    loss = fit.predict(**{name: both[name] for name in fit.law.inputs})
    hover = tuple(f"{candidate.label}\nloss {number(v)}" for v in loss)
    return Line(floats(grid), floats(loss), candidate.label, colour, hover)


def _average(comparison: Comparison, grid: Numbers, at: dict[str, Numbers]) -> tuple[Line, tuple[Band, ...]]:
    loss = comparison.predict(**at)
    hover = tuple(f"average\nloss {number(v)}" for v in loss)
    rows = [{name: float(values[i]) for name, values in at.items()} for i in range(len(grid))]
    known = [(x, comparison.prediction_interval(**row)) for x, row in zip(grid, rows, strict=True)]
    ends = [(x, i.low, i.high) for x, i in known if isinstance(i, Interval)]
    line = Line(floats(grid), floats(loss), "average of the laws", "ink", hover)
    if not ends:
        return line, ()
    x, low, high = (floats(column) for column in zip(*ends, strict=True))
    return line, (Band(x, low, high, "interval of the average", "muted"),)
