"""A batched, damped Newton method on a robust objective, with bounds.

Shapes: b members of the batch (starts, bootstrap replicates, ...), n runs, p working parameters. Members never see one
another, so a member's result does not depend on what else is in the batch, nor on how it is cut into chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scalelaw.solver._cholesky import backward, cholesky, forward

Floats = NDArray[np.float64]

GAIN = 1e-14
"""A member has converged when a full Newton step would gain less than this share of its objective."""
MAX_ITERATIONS = 400
RIDGE = 1e-13
"""Keeps directions that the runs do not see at all from dividing by zero."""


class Curve(Protocol):
    """What the solver asks of a law (see `scalelaw.laws.base.Law`).

    A curve may also have `second_order(theta, z)`, which returns what `derivatives` does and a function of q that
    returns what `curvature` does, so that the two share their work.
    """

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
            value = np.einsum("bn,bn->b", w, self.misfit.rho(self.residual(theta)))
        return np.where(np.isfinite(value), value, np.inf)

    def local_model(self, theta: Floats, w: Floats) -> tuple[Floats, Floats, Floats]:
        """Gradient `[b, p]`, Hessian `[b, p, p]` and majoriser `[b, p, p]` of the objective.

        With r = ln L - ln y and J its gradient, the Hessian is sum w (rho'' J J' + rho' d^2 ln L) and the majoriser,
        the matrix of iteratively reweighted least squares, sum w (rho'/r) J J'. In raw space r = L - y has gradient L J
        and Hessian L (J J' + d^2 ln L).
        """
        log_loss, J, contract = _second_order(self.curve, theta, self.z)
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
        second = contract(q)
        if second is not None:
            hessian = hessian + second
        return gradient, hessian, np.matmul(Jt * steady[:, None, :], J)


def _second_order(curve: Curve, theta: Floats, z: Floats) -> tuple[Floats, Floats, Callable[[Floats], Floats | None]]:
    shared = getattr(curve, "second_order", None)
    if shared is not None:
        log_loss, J, contract = shared(theta, z)
        return log_loss, J, contract
    return *curve.derivatives(theta, z), lambda q: curve.curvature(theta, z, q)


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
    free = finite[:, None] & ~held
    usable = free[:, :, None] & free[:, None, :]
    scale = np.sqrt(np.maximum(np.einsum("bpp->bp", np.where(usable, M, 0.0)), 0.0))
    scale = np.where(scale > 0, scale, 1.0)
    outer = scale[:, :, None] * scale[:, None, :]
    identity = np.eye(theta.shape[1])
    g = np.where(free, g / scale, 0.0)
    H, M = np.where(usable, H / outer, 0.0), np.where(usable, M / outer, identity)
    fill = np.where(free[:, :, None], RIDGE, 1.0) * identity
    with np.errstate(all="ignore"):  # the factor of a member that is no bowl is meaningless, and may overflow
        L, bowl = cholesky(H + fill)
        decrement = (forward(L, g) ** 2).sum(axis=1)
        A = H + damping[:, None, None] * M + fill
        step = _solved(A, g)
        room = (low - theta) * scale, (high - theta) * scale
        step = _inside(A, g, step, *room, free)
    if not bowl.all():
        rest = ~bowl
        step[rest], decrement[rest] = _reflected(g[rest], H[rest], M[rest], damping[rest])
    gain = 0.5 * decrement / np.maximum(value, np.finfo(float).tiny)
    return np.where(held, 0.0, step / scale), np.where(finite, gain, np.inf)


def _solved(A: Floats, g: Floats) -> Floats:
    """-A^-1 g for every member; meaningless where A is not positive definite."""
    L, _ = cholesky(A)
    return -backward(L, forward(L, g))


def _inside(A: Floats, g: Floats, step: Floats, down: Floats, up: Floats, free: NDArray[np.bool_]) -> Floats:
    """Parameters that the step takes past a bound go to the bound; the others step again, knowing that."""
    past = free & ((step < down) | (step > up))
    some = np.flatnonzero(past.any(axis=1))
    if not len(some):
        return step
    stopped = past[some]
    moved = np.where(stopped, np.clip(step[some], down[some], up[some]), 0.0)
    bent = np.where(stopped, 0.0, g[some] + np.matmul(A[some], moved[:, :, None])[:, :, 0])
    loose = ~stopped[:, :, None] & ~stopped[:, None, :]
    step = step.copy()
    step[some] = np.where(stopped, moved, _solved(np.where(loose, A[some], np.eye(A.shape[1])), bent))
    return step


def _reflected(g: Floats, H: Floats, M: Floats, damping: Floats) -> tuple[Floats, Floats]:
    """Step and decrement where H is no bowl: its eigenvalues relative to M, by their size."""
    m, U = np.linalg.eigh(M)  # a Cholesky factor fails where rounding leaves M a hair from positive
    R = U.swapaxes(1, 2) / np.sqrt(np.maximum(m, RIDGE))[:, :, None]  # R M R' = 1
    eigenvalues, V = np.linalg.eigh(R @ H @ R.swapaxes(1, 2))
    size = np.abs(eigenvalues)
    projected = np.matmul(V.swapaxes(1, 2), np.matmul(R, g[:, :, None]))[:, :, 0]
    decrement = (projected**2 / np.maximum(size, RIDGE)).sum(axis=1)
    step = -np.matmul(R.swapaxes(1, 2), np.matmul(V, (projected / (size + damping[:, None]))[:, :, None]))[:, :, 0]
    return step, decrement
