"""A fit becomes its information criteria: the likelihood it reaches, at a price per parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from scalelaw.fitting import Fit
from scalelaw.runs import Floats
from scalelaw.solver.newton import Misfit

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
PANELS = np.concatenate([[0.0], np.geomspace(1e-4, 1e3, 60)])
"""Where the integral of a density is cut, in root mean square residuals: fine near 0, far out where tails are long."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """The log-likelihood of the runs' log-losses, and AICc and BIC, of which less is better.

    `parameters` counts the law's and the scale of the scatter.
    """

    log_likelihood: float
    parameters: int
    aicc: float
    bic: float


def criteria(fit: Fit) -> Criteria:
    """The criteria of a fit under the density that its own objective implies.

    A residual r has density exp(-rho(r) / t) / Z(t), which the fit has already maximised over the law's parameters:
    Gaussian for least squares, Gaussian with exponential tails for Huber's loss, Laplace for least absolute deviations.
    The scale t is fitted too. With k parameters, the scale among them, and n runs

        AICc = 2 k - 2 ln L + 2 k (k + 1) / (n - k - 1)        BIC = k ln n - 2 ln L

    Rows count as independent, also those of one group. AICc is infinite where n <= k + 1.

    Source: Hurvich & Tsai 1989; Schwarz 1978.
    """
    n, k = len(fit.runs), len(fit.law.params) + 1
    residuals = fit.problem.residual(fit.theta[None])[0]
    value = _log_likelihood(fit.problem.misfit, residuals, fit.runs.weight / fit.runs.weight.mean())
    if fit.objective.space == "raw":
        value += float(fit.problem.log_y.sum())  # the density of ln y is y times that of y
    correction = 2.0 * k * (k + 1) / (n - k - 1) if n > k + 1 else np.inf
    return Criteria(value, k, 2.0 * k - 2.0 * value + correction, k * float(np.log(n)) - 2.0 * value)


def _log_likelihood(objective: Misfit, residuals: Floats, weight: Floats) -> float:
    """The largest over t of the sum of w [-rho(r) / t - ln Z(t)], Z by Gauss-Legendre quadrature."""
    unit = max(float(np.sqrt(np.mean(weight * residuals**2))), np.finfo(float).eps)
    half = np.diff(PANELS)[:, None] / 2
    rho = objective.rho(unit * (PANELS[:-1, None] + half * (1 + NODES)))
    volume = 2 * unit * half * WEIGHTS
    total = max(float((weight * objective.rho(residuals)).sum()), np.finfo(float).tiny)

    def minus(log_t: float) -> float:
        t = total / len(residuals) * np.exp(log_t)
        return float(total / t + weight.sum() * np.log((volume * np.exp(-rho / t)).sum()))

    return -float(minimize_scalar(minus, bounds=(-6.0, 6.0), method="bounded", options={"xatol": 1e-9}).fun)
