"""Approach 3 in the words of the others: the power laws that follow from a fitted surface L(N, D)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalelaw.approaches.base import QUANTITIES, Allocation, PowerLaw
from scalelaw.fitting import Fit
from scalelaw.intervals import LEVEL, OptimalExponent, Uncertainty
from scalelaw.results import Interval, Unavailable


def surface(fit: Fit, flops: float, uncertainty: Uncertainty | None = None, level: float = LEVEL) -> Allocation:
    """N_opt(C) and D_opt(C) from a law's own optimum under C = 6 N D, as power laws about a budget C_0 = `flops`.

    For the laws of Chinchilla and Kaplan N_opt is a power of C everywhere; for others this is the tangent at C_0. Since
    N D = C / 6, the two exponents add up to 1, and so do their intervals' ends.

    Args:
        uncertainty: of the fit, such as `bootstrap(fit)`; without it the exponents come without intervals.

    Raises:
        UsageError: for a law without a trade-off between N and D.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, eq. 4.
    """
    target = OptimalExponent(flops)
    n_opt, d_opt = (float(v[0]) for v in fit.law.optimum(fit.natural[None], flops))
    exponent = float(target.evaluate(fit, fit.natural[None])[0])
    (n_name, n_unit), (d_name, d_unit) = QUANTITIES
    if uncertainty is None or not np.isfinite(exponent):
        reason = "its uncertainty was not asked for" if uncertainty is None else "the fit itself has no optimum there"
        found: Interval | Unavailable = Unavailable(f"exponent of {n_name}", reason)
    else:
        found = replace(uncertainty.interval(target, level), target=f"exponent of {n_name}")
    mirrored = replace(found, target=f"exponent of {d_name}")
    if isinstance(mirrored, Interval):
        mirrored = replace(mirrored, estimate=1 - exponent, low=1 - mirrored.high, high=1 - mirrored.low)
    return Allocation(
        approach=f"surface ({fit.law.label}, {fit.objective.label})",
        runs=fit.runs,
        budgets=(),
        n_params=PowerLaw(n_name, n_unit, exponent, flops, n_opt, found),
        n_tokens=PowerLaw(d_name, d_unit, 1 - exponent, flops, d_opt, mirrored),
        findings=fit.findings,
    )
