"""The residual-t bootstrap: how far replicates stray, counted in their own standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.intervals._covariance import UNSEEN, symmetric
from scalelaw.intervals._linear import difference_steps, gradient, inverses, pseudo_residuals
from scalelaw.intervals._refit import redrawn
from scalelaw.intervals._residuals import exchanged
from scalelaw.intervals.base import Ends, Method, Refused, Uncertainty, as_target
from scalelaw.intervals.targets import Target, forward
from scalelaw.laws.base import Floats


@dataclass(frozen=True)
class Studentised(Uncertainty):
    """Replicates fitted to the law with its residuals in another order, each with a covariance of its own.

    With g the target on its own scale (see `Target.positive`) and se its Wald standard error, t*_b = |g*_b - g| / se*_b
    over the replicates, the interval is g -+ q se with q the quantile of t* at the level: symmetric percentile-t.

    Source: Hall 1988, Annals of Statistics 16, section 2; Davison & Hinkley 1997, section 5.2.1.

    Attributes:
        theta: working parameters of each replicate, `[replicates, p]`.
        covariance: their covariances, `[replicates, p, p]`; NaN where a replicate has none.
    """

    fit: Fit
    theta: Floats
    covariance: Floats
    method: str
    note: str = ""

    def _ends(self, target: Target, level: float) -> Ends | str:
        error = self._error(target)
        if not np.isfinite(error):
            return UNSEEN
        strays = self._strays(target)
        lost = int((~np.isfinite(strays)).sum())
        if lost > (1.0 - level) * len(strays):
            return f"{lost / len(strays):.0%} of {len(strays)} replicates have no such value"
        q = float(np.quantile(np.where(np.isfinite(strays), strays, np.nanmax(strays)), level))
        return symmetric(self.fit, target, q * error)

    def standard_error(self, target: str | Target) -> float:
        """The Wald standard error, in the target's own unit."""
        target = as_target(target, self.fit)
        return self._error(target) * (self.estimate(target) if target.positive else 1.0)

    @cached_property
    def _steps(self) -> Floats:
        return difference_steps(self._linear.inverse, self._linear.variance)

    def _error(self, target: Target) -> float:
        linear = self._linear
        if not linear.known:
            return float("nan")
        c = gradient(target, self.fit, self.fit.theta[None], self._steps)[0]
        return float(np.sqrt(linear.variance * (c @ linear.inverse @ c)))

    def _strays(self, target: Target) -> Floats:
        """t*, `[replicates]`."""
        c = gradient(target, self.fit, self.theta, self._steps)
        with np.errstate(all="ignore"):
            values = forward(target, target.evaluate(self.fit, self.fit.law.natural(self.theta, self.fit.centre)))
            centre = forward(target, target.evaluate(self.fit, self.fit.natural[None]))[0]
            return np.asarray(np.abs(values - centre) / np.sqrt(np.einsum("bp,bpq,bq->b", c, self.covariance, c)))


@dataclass(frozen=True)
class StudentisedMethod(Method):
    """Independent runs only: residuals of runs that share a group cannot change places."""

    name = "studentised"
    description = "residual-t bootstrap, symmetric: the sharpest for 20 independent runs or more"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """As many refits as replicates."""
        method = f"residual-t bootstrap over {len(fit.runs)} runs, symmetric, {replicates} replicates, seed {seed}"
        noise = exchanged(fit, replicates, np.random.default_rng([seed, 4]))
        if isinstance(noise, str):
            return Refused(fit, method, noise)
        theta, residuals = redrawn(fit, noise)
        return Studentised(fit, theta, _covariances(fit, theta, residuals), method)


def _covariances(fit: Fit, theta: Floats, residuals: Floats) -> Floats:
    """The Wald covariance of every replicate, `[b, p, p]`."""
    problem = fit.problem
    log_loss, J = fit.law.derivatives(theta, problem.z)
    if problem.misfit.space == "raw":
        J = J * np.exp(log_loss)[:, :, None]
        residuals = np.exp(log_loss) - np.exp(log_loss - residuals)
    X, e, _, K = pseudo_residuals(problem, J, residuals, fit.runs.weight)
    n, p = X.shape[1:]
    variance = K**2 * (e**2).sum(axis=1) / (n - p)
    return np.asarray(variance[:, None, None] * inverses(X))


KIND = StudentisedMethod()
