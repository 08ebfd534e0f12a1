"""Sandwich intervals: a covariance that trusts neither equal noise nor independence within groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals._covariance import Covariance
from scalelaw.intervals._linear import Linear, is_grouped
from scalelaw.intervals.base import Method, Uncertainty
from scalelaw.laws.base import Floats


@dataclass(frozen=True)
class Sandwich(Method):
    """HC2, over groups CR2, with the degrees of freedom of Bell and McCaffrey.

    With c the target's gradient, l = X (X'X)^-1 c and H = X (X'X)^-1 X', each group's residuals are corrected for its
    leverage, A_g = (I - H_gg)^(-1/2), a_g = A_g l_g:

        se^2 = sum_g (a_g' e_g)^2,    d = (sum_g l_g'l_g)^2 / sum_gh [a_g' (I - H)_gh a_h]^2

    se^2 is unbiased and has about the spread of a chi-square with d degrees of freedom where the noise is even; few or
    lopsided groups make d small and the interval honest. The factor K of `Linear` is left out: together with the
    correction for leverage it would widen twice for the same reason.

    Source: Bell & McCaffrey 2002, Survey Methodology 28; Pustejovsky & Tipton 2018, arXiv 1601.01981, eq. 10-11.
    """

    name = "sandwich"
    description = "delta method with leverage-corrected robust errors (HC2, over groups CR2), t with fitted freedom"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """Nothing is resampled."""
        unit, kind = ("groups", "CR2") if is_grouped(fit) else ("runs", "HC2")
        method = f"sandwich, {kind} over {len(fit.runs.groups)} {unit}, Student's t with Bell-McCaffrey freedom"
        return Covariance(fit, method, _robust)


def _robust(linear: Linear, c: Floats) -> tuple[float, float] | str:
    if not np.isfinite(linear.corrected).all():
        return "one group alone determines some part of the law, so how groups differ cannot be had"
    weights = linear.X @ linear.inverse @ c
    U = np.empty((len(linear.rows), len(c)))
    sums, own = np.empty(len(linear.rows)), np.empty(len(linear.rows))
    for g, (rows, A) in enumerate(zip(linear.rows, linear.corrections, strict=True)):
        a = A @ weights[rows]
        sums[g], own[g], U[g] = a @ linear.e[rows], weights[rows] @ weights[rows], linear.X[rows].T @ a
    # sum over g and h of [a_g'(I - H)_gh a_h]^2, without the G x G matrix
    cross = linear.inverse @ (U.T @ U)
    within = np.einsum("gp,pq,gq->g", U, linear.inverse, U)
    spread = (own**2).sum() + np.einsum("pq,qp->", cross, cross) - (within**2).sum()
    return float(np.sqrt((sums**2).sum())), float(own.sum() ** 2 / spread)


KIND = Sandwich()
