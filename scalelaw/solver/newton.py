"""A batched, damped Newton method on a robust objective, with bounds.

Shapes: b members of the batch (starts, bootstrap replicates, ...), n runs, p working parameters. Members never see one
another, so a member's result does not depend on what else is in the batch, nor on how it is cut into chunks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GAIN = 1e-14
"""A member has converged when a full Newton step would gain less than this share of its objective."""
MAX_ITERATIONS = 400
CHUNK = 256
"""Members worked on at once: small enough that their Jacobians stay in the cache."""


class Curve(Protocol):
    """What the solver asks of a law (see `scalelaw.laws.base.Law`)."""

    def log_loss(self, theta: Floats, z: Floats) -> Floats: ...
    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]: ...
    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats | None: ...
    def bounds(self, z: Floats) -> tuple[Floats, Floats]: ...


class Misfit(Protocol):
    """What the solver asks of an objective (see `scalelaw.objectives.base.Objective`)."""

    @property
    def space(self) -> str: ...
    def rho(self, r: Floats) -> Floats: ...
    def psi(self, r: Floats) -> Floats: ...
    def curvature(self, r: Floats) -> Floats: ...


@dataclass(frozen=True)
class Problem:
    """A curve through data under an objective: coordinates `z[n, k]`, logs of the observed losses `log_y[n]`."""

    curve: Curve
    misfit: Misfit
    z: Floats
    log_y: Floats

    def residual(self, theta: Floats) -> Floats:
        """Predicted minus observed, `[b, n]`, in the objective's space."""
        log_loss = self.curve.log_loss(theta, self.z)
        return log_loss - self.log_y if self.misfit.space == "log" else np.exp(log_loss) - np.exp(self.log_y)

    def objective(self, theta: Floats, w: Floats) -> Floats:
        """The weighted sum of rho, `[b]`."""
        with np.errstate(all="ignore"):
            value = (w * self.misfit.rho(self.residual(theta))).sum(axis=1)
        return np.where(np.isfinite(value), value, np.inf)

    def local_model(self, theta: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
        """Gradient `[b, p]`, Hessian `[b, p, p]` and column scale `[b, p]` of the objective.

        With r = ln L - ln y and J its gradient, the Hessian is sum w (rho'' J J' + rho' d^2 ln L). In raw space
        r = L - y has gradient L J and Hessian L (J J' + d^2 ln L).
        """
        log_loss, J = self.curve.derivatives(theta, self.z)
        if self.misfit.space == "log":
            r = log_loss - self.log_y
            q = w * self.misfit.psi(r)
            outer = w * self.misfit.curvature(r)
        else:
            L = np.exp(log_loss)
            r = L - np.exp(self.log_y)
            q = w * self.misfit.psi(r) * L
            outer = w * self.misfit.curvature(r) * L * L + q
        Jt = J.swapaxes(1, 2)
        gradient = np.matmul(Jt, q[:, :, None])[:, :, 0]
        hessian = np.matmul(Jt * outer[:, None, :], J)
        second = self.curve.curvature(theta, self.z, q)
        if second is not None:
            hessian = hessian + second
        scale = np.sqrt(np.einsum("bnp,bnp,bn->bp", J, J, np.broadcast_to(w, r.shape)))
        return gradient, hessian, np.where(scale > 0, scale, 1.0)


@dataclass(frozen=True)
class Solution:
    """The end of every member: `theta[b, p]`, `objective[b]`, relative `gain[b]` of a further step, `converged[b]`."""

    theta: Floats
    objective: Floats
    gain: Floats
    converged: NDArray[np.bool_]
    iterations: NDArray[np.int64]


def solve(problem: Problem, theta: Floats, weights: Floats) -> Solution:
    """Minimise the objective for every member of the batch.

    Args:
        theta: starting points, `[b, p]`; moved inside the bounds first.
        weights: weight of each run, `[n]` for all members or `[b, n]`.

    Each step solves the Newton system in column-scaled parameters by its eigenvalues, whose absolute values make every
    step a descent; damping grows on rejection and falls on acceptance. Parameters pressed against a bound are held.
    Members stop, one by one, when a full step would gain less than `GAIN` of their objective: a test that multiplying
    the objective, or measuring an input in other units, leaves unchanged.
    """
    theta = np.atleast_2d(np.asarray(theta, dtype=float))
    w = np.broadcast_to(weights, (len(theta), len(problem.log_y)))
    parts = [_solve_chunk(problem, theta[i : i + CHUNK], w[i : i + CHUNK]) for i in range(0, len(theta), CHUNK)]
    return Solution(
        theta=np.concatenate([part.theta for part in parts]),
        objective=np.concatenate([part.objective for part in parts]),
        gain=np.concatenate([part.gain for part in parts]),
        converged=np.concatenate([part.converged for part in parts]),
        iterations=np.concatenate([part.iterations for part in parts]),
    )


def _solve_chunk(problem: Problem, start: Floats, weights: Floats) -> Solution:
    low, high = problem.curve.bounds(problem.z)
    theta = np.clip(start, low, high)
    w = np.array(weights)
    value = problem.objective(theta, w)
    damping = np.full(len(theta), 1e-2)
    gain = np.full(len(theta), np.inf)
    iterations = np.zeros(len(theta), dtype=np.int64)
    active = np.flatnonzero(np.isfinite(value))
    for _ in range(MAX_ITERATIONS):
        if not len(active):
            break
        iterations[active] += 1
        here, w_here = theta[active], w[active]
        step, gain[active] = _newton_step(problem, here, w_here, damping[active], value[active], low, high)
        trial = np.clip(here + step, low, high)
        trial_value = problem.objective(trial, w_here)
        better = trial_value <= value[active]
        # Within rounding of the optimum the objective can no longer judge a step; the model can: take it and stop.
        done = gain[active] <= GAIN
        better |= done & (trial_value <= value[active] * (1 + 1e-12))
        theta[active[better]] = trial[better]
        value[active[better]] = np.minimum(trial_value[better], value[active[better]])
        damping[active] = np.where(better, np.maximum(damping[active] * 0.1, 1e-15), damping[active] * 10.0)
        stuck = damping[active] > 1e12
        active = active[~(done | stuck)]
    return Solution(theta, problem.objective(theta, w), gain, gain <= GAIN, iterations)


def _newton_step(
    problem: Problem, theta: Floats, w: Floats, damping: Floats, value: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """The damped step, `[b, p]`, and the share of the objective an undamped one would gain, `[b]`."""
    with np.errstate(all="ignore"):  # a member that overflows is caught below and damped
        gradient, hessian, scale = problem.local_model(theta, w)
    held = np.logical_or((theta <= low) & (gradient > 0), (theta >= high) & (gradient < 0))
    g = np.where(held, 0.0, gradient / scale)
    H = hessian / (scale[:, :, None] * scale[:, None, :])
    H = np.where(held[:, :, None] | held[:, None, :], 0.0, H)
    finite = np.asarray(np.isfinite(H).all(axis=(1, 2)) & np.isfinite(g).all(axis=1))
    H, g = np.where(finite[:, None, None], H, 0.0), np.where(finite[:, None], g, 0.0)
    eigenvalues, V = np.linalg.eigh(H)
    size = np.abs(eigenvalues)
    largest = np.maximum(size.max(axis=1, keepdims=True), 1e-200)
    projected = np.matmul(V.swapaxes(1, 2), g[:, :, None])[:, :, 0]
    full = projected**2 / np.maximum(size, 1e-14 * largest)
    step = -np.matmul(V, (projected / (size + damping[:, None] * largest))[:, :, None])[:, :, 0]
    gain = np.where(finite, 0.5 * full.sum(axis=1) / np.maximum(value, np.finfo(float).tiny), np.inf)
    return np.where(held, 0.0, step / scale), gain
