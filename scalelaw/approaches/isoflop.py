"""Approach 2: at each compute budget a parabola of the loss in log N; its vertices make the power laws."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

from scalelaw.approaches._polynomial import fit_polynomial
from scalelaw.approaches.base import Allocation, Budget, line, through_budgets
from scalelaw.errors import UsageError
from scalelaw.results import Finding
from scalelaw.runs import Floats, RunTable

WITHIN = 0.05
"""Runs share a budget when no gap between their neighbouring computes exceeds this share."""
SAME = 1e-12
"""Budgets given as numbers are the same up to this share of the largest."""
MAX_SPAN = 1.5
"""A budget whose computes span a larger factor than this is not one budget."""
DRIFT = 2.0
"""Sweeps whose centres, relative to the optimum, or whose widths move by more than this factor bias the exponent."""

Degree = Literal[2, 3]
Rows = NDArray[np.intp]


def isoflop(
    runs: RunTable,
    *,
    budget: str | None = None,
    within: float = WITHIN,
    degree: Degree = 2,
    robust: bool = True,
    level: float = 0.95,
) -> Allocation:
    """The allocation of least loss from runs swept over N at several compute budgets.

    Within a budget L = c_0 + c_1 ln N + c_2 (ln N)^2, and N_opt is the vertex; D_opt follows from the sweep's own
    ln D against ln N, which is C / (6 N_opt) where C = 6 N D. A budget is rejected when its curve is not convex, when
    the minimum or the lowest loss lies at or beyond an end of the swept sizes, or when it has too few sizes.

    Args:
        budget: the column that names each run's budget; by default runs of like compute are gathered.
        within: runs share a budget when neighbouring computes differ by no more than this share.
        degree: 3 fits a cubic instead, which follows the true curve's skew and pays for it in noise.
        robust: bound the influence of outlying runs (see `fit_polynomial`).

    Raises:
        DataError: where N, D or C is missing.
        UsageError: for an unknown column or degree.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, section 3.2.

    >>> C = np.repeat([1e19, 1e20, 1e21], 7)
    >>> offset = np.tile(np.linspace(-1.5, 1.5, 7), 3)
    >>> runs = RunTable.of(n_params=3e8 * (C / 1e19) ** 0.5 * np.exp(offset), flops=C, loss=2 + 0.1 * offset**2)
    >>> round(isoflop(runs).n_params.exponent, 6)
    0.5
    """
    if degree not in (2, 3):
        raise UsageError(f"The curve through a budget is of degree 2 or 3; found {degree}.")
    groups = budgets_of(runs, budget, within)
    found = tuple(_minimum(runs.take(rows), degree, robust) for rows in groups)
    n_params, n_tokens = through_budgets(found, level)
    shape = f"{'parabola' if degree == 2 else 'cubic'}, {'robust' if robust else 'least squares'}"
    return Allocation(f"isoflop ({shape})", runs, found, n_params, n_tokens, tuple(_findings(runs, found)))


def budgets_of(runs: RunTable, column: str | None = None, within: float = WITHIN) -> tuple[Rows, ...]:
    """The rows of each budget, in order of compute: by the values of a column, else gathered where ln C is dense."""
    log_flops = np.log(runs.require("flops"))
    if column is None:
        label = _gathered(log_flops, math.log1p(within))
    elif np.issubdtype(runs.column(column).dtype, np.number):
        # A budget worked out anew for each run differs in its last digits.
        values = runs.column(column).astype(float)
        label = _gathered(values, SAME * float(np.abs(values).max()))
    else:
        _, label = np.unique(runs.column(column).astype(str), return_inverse=True)
    groups = [np.flatnonzero(label == i) for i in range(label.max() + 1)]
    return tuple(sorted(groups, key=lambda rows: float(log_flops[rows].mean())))


def _gathered(values: Floats, gap: float) -> Rows:
    """A label for each value: neighbours at most `gap` apart share one."""
    order = np.argsort(values, kind="stable")
    label = np.empty(len(values), dtype=np.intp)
    label[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > gap)])
    return label


def _minimum(runs: RunTable, degree: int, robust: bool) -> Budget:
    """The vertex of one budget's curve, or why it has none that counts."""
    log_N, log_D = np.log(runs.require("n_params")), np.log(runs.require("n_tokens"))
    empty = Budget(
        flops=math.exp(np.log(runs.flops).mean()),
        points=len(runs),
        n_params_low=float(runs.n_params.min()),
        n_params_high=float(runs.n_params.max()),
    )
    verdict = _unfit(runs, degree)
    if verdict:
        return replace(empty, verdict=verdict)
    centre = log_N.mean()
    coefficients = fit_polynomial(log_N - centre, runs.loss, degree, robust)
    x = _vertex(coefficients)
    if x is None:
        return replace(empty, verdict="not convex: its curve has no minimum")
    if not log_N.min() < centre + x < log_N.max():
        return replace(empty, verdict="minimum outside the swept sizes")
    slope, middle = line(log_N, log_D)
    return replace(
        empty,
        n_params=math.exp(centre + x),
        n_tokens=math.exp(middle + slope * x),
        loss=float(polynomial.polyval(x, coefficients)),
        curvature=float(polynomial.polyval(x, polynomial.polyder(coefficients, 2))),
        verdict=_edge(runs),
    )


def _unfit(runs: RunTable, degree: int) -> str:
    """Why a budget cannot have its curve fitted; empty where it can."""
    sizes, span = len(np.unique(runs.n_params)), float(runs.flops.max() / runs.flops.min())
    if span > MAX_SPAN:
        return f"its computes span {span:.2g}x: not one budget"
    if sizes < degree + 2:
        return f"{_count(sizes, 'size')}; {degree + 2} or more needed"
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _vertex(coefficients: Floats) -> float | None:
    """Where the polynomial has its minimum; None where it has none."""
    slope = polynomial.polyder(coefficients)
    roots = polynomial.polyroots(slope)
    real = roots[np.isreal(roots)].real
    minima = real[polynomial.polyval(real, polynomial.polyder(slope)) > 0]
    return float(minima[0]) if len(minima) else None


def _edge(runs: RunTable) -> str:
    """Why the losses themselves do not bracket a minimum, whatever the curve says; empty where they do."""
    sizes, index = np.unique(runs.n_params, return_inverse=True)
    losses = np.bincount(index, runs.loss) / np.bincount(index)
    lowest = int(losses.argmin())
    if lowest in (0, len(sizes) - 1):
        return f"lowest loss at the {'smallest' if lowest == 0 else 'largest'} size swept"
    return ""


def _findings(runs: RunTable, budgets: tuple[Budget, ...]) -> list[Finding]:
    findings = []
    for verdict in dict.fromkeys(budget.verdict for budget in budgets if not budget.used):
        left_out = [budget for budget in budgets if budget.verdict == verdict]
        where = ", ".join(f"{budget.flops:.3g}" for budget in left_out[:5]) + (", ..." if len(left_out) > 5 else "")
        message = f"left out, {_count(len(left_out), 'budget')} ({where} FLOP): {verdict}"
        findings.append(Finding("W_BUDGET_REJECTED", "warning", message))
    used = [budget for budget in budgets if budget.used]
    if 2 <= len(used) < 4:
        findings.append(Finding("W_FEW_BUDGETS", "warning", f"the power laws rest on {len(used)} budgets"))
    findings += _design_findings(used)
    ratio = float(np.median(runs.flops / (6.0 * runs.n_params * runs.n_tokens)))
    if abs(ratio - 1.0) > 0.05:
        message = f"compute is {ratio:.3g} times 6 N D as the table counts N; the surface plans under C = 6 N D"
        findings.append(Finding("I_FLOPS_CONVENTION", "info", message))
    if np.ptp(runs.weight) > 0:
        findings.append(Finding("I_WEIGHTS", "info", "weights of runs play no part in this approach"))
    return findings


def _design_findings(used: list[Budget]) -> list[Finding]:
    """Sweeps that change their place or width with compute: the vertex is then off by an amount that does too."""
    if len(used) < 2:
        return []
    x = np.log([budget.flops for budget in used])
    offset = np.log([math.sqrt(b.n_params_low * b.n_params_high) / b.n_params for b in used])
    log_width = np.log([math.log(b.n_params_high / b.n_params_low) for b in used])
    drift, widening = (math.exp(abs(line(x, y)[0]) * np.ptp(x)) for y in (offset, log_width))
    knob, findings = "sweep every budget over the same factor around the expected optimum", []
    if drift > DRIFT:
        message = (
            f"the sweeps' centres drift by {drift:.2g}x relative to the optimum from the least to the largest budget"
        )
        findings.append(Finding("W_DRIFT", "warning", f"{message}; a parabola then biases the exponent", knob=knob))
    if widening > DRIFT:
        message = f"the sweeps' widths in log N change by {widening:.2g}x from the least to the largest budget"
        findings.append(Finding("W_WIDTH", "warning", f"{message}; a parabola then biases the exponent", knob=knob))
    return findings
