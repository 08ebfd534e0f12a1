"""The first steps of a curve, where the learning rate warms up and the loss is above the curve that follows."""

from __future__ import annotations

import numpy as np

from scalelaw.readers.base import Mask
from scalelaw.readers.columns import plain_name
from scalelaw.readers.curves import Curves, lines_of, listed, points_text, steps_text
from scalelaw.readers.parsing import parse_column
from scalelaw.readers.rates import Rates
from scalelaw.readers.segments import Ints, begins, firsts
from scalelaw.runs import Exclusion, Floats, Note

WARMUP = ("warmup_steps", "num_warmup_steps", "lr_warmup_steps", "n_warmup_steps", "warmup_iters")
"""The usual names of a column of warm-up steps."""
LONGEST = 0.1
"""Share of a run's steps that a warm-up told from the losses may take; the curve is fitted to what follows."""
FEWEST = 20
"""Points of a run from which a curve can be told."""
SAMPLE = 64
"""Points, equally spaced in the logarithm of the step, that a curve is fitted to."""
ABOVE, NOISE = 0.01, 5.0
"""Share of the curve, and standard deviations of its residuals, both relative, by which a loss is above it."""
SURE = 9.0
"""Rise of the residual sum of squares, in variances of a residual, up to which an exponent is possible: three standard
errors. Of the possible curves the steepest is taken, since it is extrapolated to the first steps."""
EXPONENTS = (0.02, 3.0)
GOLDEN = (np.sqrt(5) - 1) / 2
NARROWINGS = 40
"""Of the bracket of an exponent: by 0.618 each, to 1e-8 of its width."""


def without_warmup(
    curves: Curves, spiking: Mask, rates: Rates | None, notes: list[Note], excluded: list[Exclusion]
) -> Curves:
    """The curves without their warm-up, which is noted.

    It is known where the rate was logged (it lasts until 99 % of the peak) or a column of warm-up steps is there.
    Elsewhere E + B step^-b is fitted to the points after a tenth of the steps, and the warm-up is what, before, ends
    with two neighbouring losses that are more than 1 % and five standard deviations above every such curve that these
    points allow.
    """
    if not len(curves):
        return curves
    known = _by_rate(curves, rates) if rates else _by_column(curves)
    warm = known if known is not None else _by_loss(curves, spiking)
    how = "the rate was still rising" if known is not None else "the loss is above its later curve"
    if not warm.any():
        return curves
    told = []
    for code in np.unique(curves.run[warm]).tolist():
        mine = np.flatnonzero(warm & (curves.run == code))
        span = steps_text(float(curves.step[mine[0]]), float(curves.step[mine[-1]]))
        told.append(f"run {curves.names[code]}, {span}")
        excluded.append(curves.exclusion(int(mine[0]), f"{points_text(len(mine))} of the warm-up, {span}"))
    lines = lines_of(curves, np.flatnonzero(warm).tolist())
    notes.append(Note("W_WARMUP", f"first steps excluded as a warm-up, for {how}: {listed(told)}", lines))
    return curves.where(~warm)


def _by_rate(curves: Curves, rates: Rates) -> Mask:
    """Points before the first at which the rate is at its peak, unless that is late: then it is no warm-up."""
    at_peak = ~(rates.now[curves.row] < 0.99 * rates.peak[curves.row])
    reached = np.full(len(curves.names), np.inf)
    np.minimum.at(reached, curves.run[at_peak], curves.step[at_peak])
    late = reached > 0.5 * _last_steps(curves)
    reached[late] = -np.inf
    return np.asarray(curves.step < reached[curves.run])


def _by_column(curves: Curves) -> Mask | None:
    known = {plain_name(name): name for name in curves.cells.columns}
    column = next((known[name] for name in WARMUP if name in known), None)
    if column is None:
        return None
    steps = parse_column(curves.cells, column, column).values[curves.row]
    return np.asarray((curves.step < steps) & (steps < _last_steps(curves)[curves.run]))


def _last_steps(curves: Curves) -> Floats:
    last = np.zeros(len(curves.names))
    told = np.isfinite(curves.step)
    np.maximum.at(last, curves.run[told], curves.step[told])
    return last


def _by_loss(curves: Curves, spiking: Mask) -> Mask:
    """Points of runs that are told by the losses alone."""
    warm = np.zeros(len(curves), dtype=bool)
    early = curves.step <= LONGEST * _last_steps(curves)[curves.run]
    early |= curves.step <= 0
    usable = (np.bincount(curves.run)[curves.run] >= FEWEST) & np.isfinite(curves.loss)
    fitted = _sample(curves, usable & ~early & ~spiking)
    if not fitted.any():
        return warm
    part = curves.where(fitted)
    enough = np.bincount(part.run, minlength=len(curves.names)) >= FEWEST // 2
    looked = early & usable & enough[curves.run] & (curves.step > 0)
    part = part.where(enough[part.run])
    if not looked.any() or not len(part):
        return warm
    above = np.zeros(len(curves), dtype=bool)
    above[looked] = _above(part, curves.where(looked))
    twice = np.zeros(len(curves), dtype=bool)
    twice[1:] = above[1:] & above[:-1] & ~begins(curves.run)[1:]
    end = np.full(len(curves.names), -np.inf)
    np.maximum.at(end, curves.run[twice], curves.step[twice])
    return np.asarray(curves.step <= end[curves.run])


def _sample(curves: Curves, mask: Mask) -> Mask:
    """Of the points, about `SAMPLE` a run, equally spaced in the logarithm of the step."""
    points = np.flatnonzero(mask)
    if not len(points):
        return mask
    run, log = curves.run[points], np.log(curves.step[points])
    low = np.full(len(curves.names), np.inf)
    high = -low
    np.minimum.at(low, run, log)
    np.maximum.at(high, run, log)
    cell = np.floor(SAMPLE * (log - low[run]) / np.maximum(high - low, 1e-9)[run])
    chosen = np.r_[True, (np.diff(cell) != 0) | (np.diff(run) != 0)]
    sampled = np.zeros(len(mask), dtype=bool)
    sampled[points[chosen]] = True
    return sampled


def _above(part: Curves, early: Curves) -> Mask:
    """Whether early losses are above the curves of what follows, E + B step^-b, fitted to `part` run by run."""
    start, code = firsts(part.run), np.cumsum(begins(part.run)) - 1
    place = np.full(len(part.names), -1)
    place[part.run[start]] = np.arange(len(start))
    unit = np.maximum.reduceat(part.step, start)
    x, y = part.step / unit[code], part.loss
    exponent = _steepest(x, y, start, code)
    slope, constant, _ = _line(x ** -exponent[code], y, start, code)
    fitted = constant[code] + slope[code] * x ** -exponent[code]
    size = np.diff(start, append=len(y))
    deviation = np.sqrt(np.add.reduceat((y / fitted - 1) ** 2, start) / size)
    own = place[early.run]
    curve = constant[own] + slope[own] * (early.step / unit[own]) ** -exponent[own]
    return np.asarray(early.loss > curve * (1 + np.maximum(ABOVE, NOISE * deviation[own])))


def _steepest(x: Floats, y: Floats, start: Ints, code: Ints) -> Floats:
    """The largest exponent of every run with which its points agree, by bisection above the best."""
    best = np.log(_exponents(x, y, start, code))
    least = _line(x ** -np.exp(best)[code], y, start, code)[2]
    allowed = least * (1 + SURE / np.maximum(np.diff(start, append=len(y)) - 3, 1))
    low, high = best, np.full(len(best), np.log(EXPONENTS[1]))
    for _ in range(NARROWINGS // 2):
        middle = (low + high) / 2
        agrees = _line(x ** -np.exp(middle)[code], y, start, code)[2] <= allowed
        low, high = np.where(agrees, middle, low), np.where(agrees, high, middle)
    return np.asarray(np.exp(low))


def _exponents(x: Floats, y: Floats, start: Ints, code: Ints) -> Floats:
    """The exponent of least squares of every run, by golden sections of the logarithm of its bracket."""
    low, high = (np.full(len(start), np.log(end)) for end in EXPONENTS)

    def rest(log: Floats) -> Floats:
        return _line(x ** -np.exp(log)[code], y, start, code)[2]

    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = rest(left), rest(right)
    for _ in range(NARROWINGS):
        down = at_left < at_right
        low, high = np.where(down, low, left), np.where(down, right, high)
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left, at_right = rest(left), rest(right)
    return np.asarray(np.exp((low + high) / 2))


def _line(x: Floats, y: Floats, start: Ints, code: Ints) -> tuple[Floats, Floats, Floats]:
    """Slope, constant and sum of squared residuals of y against x, run by run; a slope below 0 counts as none."""
    size = np.diff(start, append=len(x))
    middle_x, middle_y = np.add.reduceat(x, start) / size, np.add.reduceat(y, start) / size
    dx, dy = x - middle_x[code], y - middle_y[code]
    slope = np.maximum(np.add.reduceat(dx * dy, start) / np.maximum(np.add.reduceat(dx * dx, start), 1e-300), 0.0)
    rest = np.add.reduceat((dy - slope[code] * dx) ** 2, start)
    return slope, middle_y - slope * middle_x, rest
