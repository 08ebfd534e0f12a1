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
RIDGE = 1e-13
"""Keeps directions that the runs do not see at all from dividing by zero."""


class Curve(Protocol):
    """What the solver asks of a law (see `scalelaw.laws.base.Law`)."""

    @property
    def kernel(self) -> str | None: ...
    def log_loss(self, theta: Floats, z: Floats) -> Floats: ...
    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]: ...
    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats | None: ...
    def bounds(self, z: Floats) -> tuple[Floats, Floats]: ...


class Misfit(Protocol):
    """What the solver asks of an objective (see `scalelaw.objectives.base.Objective`)."""

    @property
    def space(self) -> str: ...
    @property
    def scale(self) -> float: ...
    @property
    def huber_delta(self) -> float | None: ...
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
        """Gradient `[b, p]`, Hessian `[b, p, p]` and majoriser `[b, p, p]` of the objective.

        With r = ln L - ln y and J its gradient, the Hessian is sum w (rho'' J J' + rho' d^2 ln L) and the majoriser,
        the matrix of iteratively reweighted least squares, sum w (rho'/r) J J'. In raw space r = L - y has gradient L J
        and Hessian L (J J' + d^2 ln L).
        """
        log_loss, J = self.curve.derivatives(theta, self.z)
        raw = self.misfit.space == "raw"
        L = np.exp(log_loss) if raw else np.ones_like(log_loss)
        r = L - np.exp(self.log_y) if raw else log_loss - self.log_y
        psi, bend = self.misfit.psi(r), self.misfit.curvature(r)
        q = w * psi * L
        outer = w * bend * L * L + (q if raw else 0.0)
        steady = w * np.where(r == 0, bend, psi / np.where(r == 0, 1.0, r)) * L * L
        Jt = J.swapaxes(1, 2)
        gradient = np.matmul(Jt, q[:, :, None])[:, :, 0]
        hessian = np.matmul(Jt * outer[:, None, :], J)
        second = self.curve.curvature(theta, self.z, q)
        if second is not None:
            hessian = hessian + second
        return gradient, hessian, np.matmul(Jt * steady[:, None, :], J)


@dataclass(frozen=True)
class Solution:
    """The end of every member: `theta[b, p]`, `objective[b]`, relative `gain[b]` of a further step, `converged[b]`."""

    theta: Floats
    objective: Floats
    gain: Floats
    converged: NDArray[np.bool_]
    iterations: NDArray[np.int64]


def minimise(problem: Problem, start: Floats, weights: Floats) -> Solution:
    """Minimise the objective for every member of one chunk, from `start[b, p]` with `weights[b, n]`.

    Each step lies between Newton's and one of reweighted least squares (see `_newton_step`) and is accepted when the
    objective falls; damping grows on rejection and falls on acceptance. Parameters pressed against a bound are held.
    Members stop, one by one, when a full step would gain less than `GAIN` of their objective: a test that multiplying
    the objective, or measuring an input in other units, leaves unchanged.
    """
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
    """The damped step, `[b, p]`, and the share of the objective an undamped one would gain, `[b]`.

    The step is -(|H| + damping M)^-1 g with M the majoriser and |H| the Hessian with the absolute values of its
    eigenvalues relative to M: between Newton's, when damping is small, and a cautious one of reweighted least squares.
    """
    with np.errstate(all="ignore"):  # a member that overflows is caught below and damped
        g, H, M = problem.local_model(theta, w)
    held = np.logical_or((theta <= low) & (g > 0), (theta >= high) & (g < 0))
    finite = np.asarray(np.isfinite(H).all(axis=(1, 2)) & np.isfinite(M).all(axis=(1, 2)) & np.isfinite(g).all(axis=1))
    usable = finite[:, None, None] & ~held[:, :, None] & ~held[:, None, :]
    scale = np.sqrt(np.maximum(np.einsum("bpp->bp", np.where(usable, M, 0.0)), 0.0))
    scale = np.where(scale > 0, scale, 1.0)
    outer = scale[:, :, None] * scale[:, None, :]
    identity = np.eye(theta.shape[1])
    g, H = np.where(held | ~finite[:, None], 0.0, g / scale), np.where(usable, H / outer, 0.0)
    M = np.where(usable, M / outer, identity)
    m, U = np.linalg.eigh(M)  # a Cholesky factor fails where rounding leaves M a hair from positive
    R = U.swapaxes(1, 2) / np.sqrt(np.maximum(m, RIDGE))[:, :, None]  # R M R' = 1
    eigenvalues, V = np.linalg.eigh(R @ H @ R.swapaxes(1, 2))
    size = np.abs(eigenvalues)
    projected = np.matmul(V.swapaxes(1, 2), np.matmul(R, g[:, :, None]))[:, :, 0]
    gain = 0.5 * (projected**2 / np.maximum(size, RIDGE)).sum(axis=1) / np.maximum(value, np.finfo(float).tiny)
    step = -np.matmul(R.swapaxes(1, 2), np.matmul(V, (projected / (size + damping[:, None]))[:, :, None]))[:, :, 0]
    return np.where(held, 0.0, step / scale), np.where(finite, gain, np.inf)
