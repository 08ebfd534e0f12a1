"""Plan a FLOP budget: which N and D, how sure, and how flat the optimum is."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from scalelaw.errors import DataError
from scalelaw.extrapolating import discrepancy, extrapolation_interval
from scalelaw.fitting import Fit
from scalelaw.intervals import (
    LEVEL,
    OptimalLoss,
    OptimalParams,
    OptimalRatio,
    OptimalTokens,
    Uncertainty,
    uncertainty,
)
from scalelaw.planning.base import Band, Plan, Reach
from scalelaw.results import Finding, Interval, Unavailable

EXCESSES = (0.001, 0.01)
"""Shares of the best loss for which a plan states the range of N."""
FAR = 2.0
"""Decades beyond the data past which a plan warns."""


def plan(fit: Fit, flops: float, *, draws: Uncertainty | None = None, level: float = LEVEL) -> Plan:
    """The N and D of least loss for a budget of C = 6 N D, each with its interval.

    Args:
        flops: the budget C in FLOP, with N as the runs count it.
        draws: what the intervals are made from: `Draws` of `bootstrap`, or any `Uncertainty`; by default
            `uncertainty(fit)`.

    Raises:
        DataError: for a budget that is not a positive number.
        UsageError: for a law without a trade-off between N and D.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, approach 3.
    """
    if not (math.isfinite(flops) and flops > 0):
        raise DataError("E_NOT_POSITIVE", "a budget must be a positive number of FLOP", column="flops", value=flops)
    n_params, n_tokens = (float(v[0]) for v in fit.law.optimum(fit.natural[None], flops))
    known = uncertainty(fit) if draws is None else draws
    reach = _reach(fit, flops, n_params, n_tokens)
    targets = (OptimalParams(flops), OptimalTokens(flops), OptimalRatio(flops), OptimalLoss(flops))
    intervals = [known.interval(target, level) for target in targets]
    inside = math.isfinite(n_params) and 0 < n_params < flops / 6
    new_run = extrapolated = intervals[3]
    if inside:
        at = {"n_params": n_params, "n_tokens": n_tokens}
        new_run = known.prediction_interval(level=level, **at)
        drift = discrepancy(fit)
        extrapolated = drift if isinstance(drift, Unavailable) else extrapolation_interval(known, drift, level, **at)
    return Plan(
        fit=fit,
        flops=flops,
        n_params=intervals[0],
        n_tokens=intervals[1],
        tokens_per_param=intervals[2],
        loss=intervals[3],
        new_run=new_run,
        extrapolated=extrapolated,
        bands=tuple(near_optimal(fit, flops, n_params, excess) for excess in EXCESSES) if inside else (),
        reach=reach,
        findings=tuple(_findings(fit, reach, intervals)),
    )


def near_optimal(fit: Fit, flops: float, n_params: float, excess: float) -> Band:
    """The N on either side of the optimum at which the loss is (1 + excess) times the best, D = C / (6 N)."""

    def log_loss(log_N: float) -> float:
        inputs = np.array([[math.exp(log_N), flops / 6.0 / math.exp(log_N)]])
        return math.log(fit.law.predict(fit.natural[None], inputs)[0, 0])

    centre = math.log(n_params)
    limit = log_loss(centre) + math.log1p(excess)
    low, high = (_cross(log_loss, centre, limit, direction) for direction in (-1, 1))
    return Band(excess, math.exp(low), math.exp(high))


def _cross(log_loss: Callable[[float], float], centre: float, limit: float, direction: int) -> float:
    """Where the loss crosses the limit, walking out from the centre; infinite where it never does."""
    step = 0.1
    while log_loss(centre + direction * step) < limit:
        step *= 2.0
        if step > 60.0:
            return direction * math.inf
    low, high = sorted((centre, centre + direction * step))
    return float(brentq(lambda x: log_loss(x) - limit, low, high, xtol=1e-12))


def _reach(fit: Fit, flops: float, n_params: float, n_tokens: float) -> Reach:
    runs = fit.runs
    largest = (6.0 * runs.n_params * runs.n_tokens).max()
    pairs = ((flops, largest), (n_params, runs.n_params.max()), (n_tokens, runs.n_tokens.max()))
    return Reach(*(math.log10(wanted / have) if wanted > 0 else math.nan for wanted, have in pairs))


def _findings(fit: Fit, reach: Reach, intervals: list[Interval | Unavailable]) -> list[Finding]:
    findings = list(fit.findings)
    if reach.farthest > FAR:
        findings.append(
            Finding(
                "W_EXTRAPOLATION",
                "warning",
                f"the plan reaches {reach.farthest:.1f} decades beyond the runs (C {reach.flops:+.1f}, "
                f"N {reach.n_params:+.1f}, D {reach.n_tokens:+.1f}); of a law that bends only there nobody knows",
                knob="train runs nearer to the budget",
            )
        )
    for interval in intervals:
        if isinstance(interval, Unavailable):
            findings.append(Finding("W_NO_INTERVAL", "warning", f"{interval.target}: {interval.reason}"))
    return findings
