"""Wald intervals: the textbook covariance with Student's t, over groups where rows share one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals._covariance import Covariance
from scalelaw.intervals._linear import Linear, is_grouped
from scalelaw.intervals.base import Method, Uncertainty
from scalelaw.laws.base import Floats


@dataclass(frozen=True)
class Wald(Method):
    """Independent runs: se^2 = s^2 c'(X'X)^-1 c with t(n - p). Grouped runs: CR1 with t(G - 1).

    With c the target's gradient, X_g and e_g the rows and pseudo-residuals of group g (see `Linear`), CR1 is

        G/(G-1) (n-1)/(n-p) sum_g (c'(X'X)^-1 X_g' e_g)^2

    Source: Liang & Zeger 1986; its small-sample factor as in Cameron & Miller 2015, eq. 11-12.
    """

    name = "wald"
    description = "delta method with Student's t; cluster-robust CR1 over groups: instant"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """Nothing is resampled."""
        n, p, G = len(fit.runs), len(fit.law.params), len(fit.runs.groups)
        if is_grouped(fit):
            return Covariance(fit, f"Wald, cluster-robust CR1 over {G} groups, Student's t({G - 1})", clustered)
        return Covariance(fit, f"Wald, delta method, Student's t({n - p})", _independent)


def _independent(linear: Linear, c: Floats) -> tuple[float, float] | str:
    return float(np.sqrt(linear.variance * (c @ linear.inverse @ c))), linear.freedom


def clustered(linear: Linear, c: Floats) -> tuple[float, float] | str:
    """CR1: the standard error and G - 1."""
    G, n = len(linear.rows), len(linear.e)
    if G < 2:
        return "one group tells nothing of how groups differ"
    scores = linear.X @ linear.inverse @ c * linear.e
    sums = np.array([scores[rows].sum() for rows in linear.rows])
    factor = G / (G - 1) * (n - 1) / linear.freedom
    return float(linear.correction * np.sqrt(factor * (sums**2).sum())), G - 1


KIND = Wald()
