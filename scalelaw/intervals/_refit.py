"""A fit's problem solved again: with other weights, or with other data.

Shapes: b replicates, n runs, p working parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalelaw.fitting import Fit
from scalelaw.intervals._linear import Ints, Linear
from scalelaw.laws import Law
from scalelaw.laws.base import Floats
from scalelaw.solver import Problem, Solution, solve

Bools = NDArray[np.bool_]

SETTLED = 1e-3
"""A replicate serves when a further step would lower its deviance by less than this: its distance to the optimum is
then some 0.03 standard errors. Resampled rows may leave a valley too flat to settle further, and any point of such a
valley fits as well."""
PRECISE = 1e-6
"""It serves as well when the gain is below this share of its objective, whatever the noise."""
NEAR_BOUND = 1e-6


def reweighted(
    fit: Fit,
    weights: Floats,
    *,
    searches: int = 1,
    rng: np.random.Generator | None = None,
    replicates: int | None = None,
) -> Floats:
    """Natural parameters under each of `weights[b, n]`, `[b, p]`; NaN where no optimum was reached.

    Each starts from the estimate and, with `searches` above one, from further starts of the law drawn by `rng`; the
    best end counts. `replicates` says how many there are in all where these are a part of them.
    """
    b, p = len(weights), len(fit.theta)
    theta = np.tile(fit.theta, (b, searches, 1))
    if searches > 1:
        rng = rng or np.random.default_rng(0)
        drawn = fit.law.starts(fit.problem.z, np.exp(fit.problem.log_y), b * (searches - 1), rng)
        theta[:, 1:] = drawn.reshape(b, searches - 1, p)
    batch = (replicates or b) * searches
    solution = solve(fit.problem, theta.reshape(-1, p), np.repeat(weights, searches, axis=0), batch=batch)
    best = np.argmin(solution.objective.reshape(b, searches), axis=1) + searches * np.arange(b)
    theta, settled = _settle(fit, fit.problem, solution, best, weights, batch)
    natural = fit.law.natural(theta, fit.centre)
    natural[~settled] = np.nan
    return natural


def redrawn(fit: Fit, noise: Floats) -> tuple[Floats, Floats]:
    """Working parameters fitted to predicted loss times exp(`noise[b, n]`), `[b, p]`, and their residuals `[b, n]`.

    A member that reached no optimum is NaN. Residuals are predicted minus observed, in logs.
    """
    problem = fit.problem
    predicted = fit.law.log_loss(fit.theta[None], problem.z)[0]
    log_y = predicted + noise
    curve = _ManyData(fit.law, log_y)
    stacked = Problem(curve, problem.misfit, problem.z, np.zeros(len(predicted)))
    start = np.column_stack([np.tile(fit.theta, (len(noise), 1)), np.arange(len(noise))])
    weights = np.broadcast_to(fit.runs.weight, noise.shape)
    solution = solve(stacked, start, weights)
    theta, settled = _settle(fit, stacked, solution, np.arange(len(noise)), weights, len(noise))
    theta = np.where(settled[:, None], theta[:, :-1], np.nan)
    with np.errstate(invalid="ignore"):
        return theta, fit.law.log_loss(theta, problem.z) - log_y


def _settle(
    fit: Fit, problem: Problem, solution: Solution, best: Ints, weights: Floats, batch: int
) -> tuple[Floats, Bools]:
    """Working parameters of the `best` members, and which of them serve; the others get a second go.

    A step that overshoots a bound may leave its parameter a hair inside, where every further step overshoots again: for
    the second go such parameters are put on their bound, from which the solver holds or releases them.
    """
    linear = Linear.of(fit)
    dispersion = linear.variance * linear.m * float(problem.misfit.curvature(np.zeros(1))[0])

    def serves(part: Solution, index: Ints) -> Bools:
        gain, value = part.gain[index], part.objective[index]
        return np.asarray((gain <= PRECISE) | (2.0 * gain * value <= SETTLED * dispersion))

    theta, settled = solution.theta[best], serves(solution, best)
    again = np.flatnonzero(~settled)
    if len(again):
        low, high = problem.curve.bounds(problem.z)
        start = theta[again]
        start = np.where(start - low < NEAR_BOUND, low, np.where(high - start < NEAR_BOUND, high, start))
        second = solve(problem, start, weights[again], batch=batch)
        theta[again], settled[again] = second.theta, serves(second, np.arange(len(again)))
    return theta, settled


@dataclass(frozen=True)
class _ManyData:
    """A law each of whose members is fitted to data of its own: the last parameter is the number of the data set.

    `log_y[b, n]` is subtracted from the curve, so that the solver's data are zeros. The last parameter's derivative is
    zero, hence it never moves.
    """

    law: Law
    log_y: Floats
    kernel: str | None = None

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """ln L - ln y, `[b, n]`."""
        return np.asarray(self.law.log_loss(theta[:, :-1], z) - self.log_y[np.rint(theta[:, -1]).astype(np.intp)])

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """The same, and its gradient."""
        log_loss, J = self.law.derivatives(theta[:, :-1], z)
        log_loss = log_loss - self.log_y[np.rint(theta[:, -1]).astype(np.intp)]
        return log_loss, np.concatenate([J, np.zeros((*J.shape[:2], 1))], axis=2)

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats | None:
        """The law's, with zeros for the number."""
        second = self.law.curvature(theta[:, :-1], z, q)
        return None if second is None else np.pad(second, ((0, 0), (0, 1), (0, 1)))

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """The law's; the number is free."""
        low, high = self.law.bounds(z)
        return np.append(low, -np.inf), np.append(high, np.inf)
