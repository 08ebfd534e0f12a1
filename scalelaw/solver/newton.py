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
from scalelaw.solver._region import within

Floats = NDArray[np.float64]

GAIN = 1e-14
"""A member has converged when a full Newton step would gain less than this share of its objective."""
MAX_ITERATIONS = 800
RIDGE = 1e-13
"""Keeps directions that the runs do not see at all from dividing by zero."""
NEAR_SQUARES, NEAR_ROBUST = 1e-6, 1e-2
"""The gain below which steps are Newton's. For squares reweighted least squares is Gauss and Newton's method and wins
until the very end; for robust objectives it converges only linearly."""
FIRST = 0.3
"""The first trust region, as a share of the size of the start: a longer first step may leap over every basin."""
FLAT = 1e-6
"""A Hessian no more negative than this, in parameters scaled to unit sensitivity, is a valley and no saddle."""
STUCK = 1e-14
"""A trust region this much smaller than the parameters holds no better point."""


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

    def rounding(self, w: Floats) -> Floats:
        """What the objective is, `[b]`, when every residual is the rounding of its logs."""
        residual = 4.0 * np.finfo(float).eps * (1.0 + np.abs(self.log_y))
        if self.misfit.space == "raw":
            residual = residual * np.exp(self.log_y)
        return np.asarray(self.misfit.scale * (w @ residual**2))

    def blur(self, w: Floats, value: Floats) -> Floats:
        """The share of the objective `value[b]` that rounding of the logs can add to it or take from it, `[b]`."""
        return np.asarray(np.maximum(2.0 * np.sqrt(self.rounding(w) / np.maximum(value, np.finfo(float).tiny)), 1e-12))

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

    A trust-region method after More 1978. Far from the optimum the model is that of reweighted least squares, near it
    the exact Hessian where that is a bowl. The region is a ball in parameters scaled by the largest sensitivity seen so
    far; it shrinks where the objective did not follow the model and grows where it did. A parameter that a step would
    take past a bound goes to the bound, and one pressed against a bound is held. Members stop, one by one, when a full
    step would gain less than `GAIN` of their objective: a test that multiplying the objective, or measuring an input in
    other units, leaves unchanged.
    """
    low, high = problem.curve.bounds(problem.z)
    theta = np.clip(start, low, high)
    w = np.array(weights)
    value = problem.objective(theta, w)
    size, radius = np.zeros_like(theta), np.full(len(theta), np.nan)
    gain, level = np.full(len(theta), np.inf), np.zeros(len(theta), dtype=bool)
    iterations = np.zeros(len(theta), dtype=np.int64)
    active = np.flatnonzero(np.isfinite(value))
    for _ in range(MAX_ITERATIONS):
        if not len(active):
            break
        iterations[active] += 1
        here, before = theta[active], value[active]
        step = _step(problem, here, w[active], before, low, high, size[active], radius[active])
        trial = np.clip(here + step.move, low, high)
        after = problem.objective(trial, w[active])
        # Within rounding of the optimum the objective can no longer judge a step; the model can, while its gain falls.
        done, blur = step.gain <= GAIN, problem.blur(w[active], before)
        trusted = (done | ((step.gain <= blur) & (step.gain <= 0.5 * gain[active]))) & (after <= before * (1 + blur))
        better = (after <= before) | trusted
        size[active], gain[active], level[active] = step.size, step.gain, step.level
        theta[active[better]] = trial[better]
        value[active[better]] = np.minimum(after[better], before[better])
        fell = before - after
        shrunk = ~np.isfinite(after) | ((fell < 0.25 * step.promised) & ~trusted)
        grown = ((fell > 0.75 * step.promised) | trusted) & step.at_edge
        radius[active] = np.where(shrunk, 0.25 * step.length, np.where(grown, 2.0 * step.radius, step.radius))
        stuck = radius[active] < STUCK * np.linalg.norm(here * step.size, axis=1)
        active = active[~(done | stuck)]
    return Solution(theta, problem.objective(theta, w), gain, level & (gain <= GAIN), iterations)


@dataclass(frozen=True)
class _Step:
    """A step of every member, `move[b, p]`, and what the model says of it.

    `size[b, p]` scales the parameters, `length` is the step's in that scale, `promised` the fall of the objective;
    `gain` is what a full Newton step would gain, as a share of the objective; `level` that no way leads down.
    """

    move: Floats
    size: Floats
    length: Floats
    radius: Floats
    promised: Floats
    at_edge: NDArray[np.bool_]
    gain: Floats
    level: NDArray[np.bool_]


def _step(
    problem: Problem, theta: Floats, w: Floats, value: Floats, low: Floats, high: Floats, size: Floats, radius: Floats
) -> _Step:
    with np.errstate(all="ignore"):  # a member that overflows is caught below and its region shrinks
        g, H, M = problem.local_model(theta, w)
    held = np.logical_or((theta <= low) & (g > 0), (theta >= high) & (g < 0))
    finite = np.asarray(np.isfinite(H).all(axis=(1, 2)) & np.isfinite(M).all(axis=(1, 2)) & np.isfinite(g).all(axis=1))
    free = finite[:, None] & ~held
    usable = free[:, :, None] & free[:, None, :]
    g, H, M = np.where(free, g, 0.0), np.where(usable, H, 0.0), np.where(usable, M, 0.0)
    now = np.sqrt(np.maximum(np.einsum("bpp->bp", M), 0.0))
    least = problem.rounding(w) / GAIN  # a step that would gain less than this much rounding gains nothing
    gain, bowl, level = _gain(g, H, M, np.where(now > 0, now, 1.0), free, np.maximum(value, least))
    size = np.maximum(size, now)
    scale = np.where(size > 0, size, 1.0)
    radius = np.where(np.isnan(radius), FIRST * np.linalg.norm(theta * size, axis=1), radius)
    radius = np.where(radius > 0, radius, 1.0)
    near = bowl & (gain < (NEAR_SQUARES if problem.misfit.huber_delta == np.inf else NEAR_ROBUST))
    fill = np.where(free[:, :, None], RIDGE, 1.0) * np.eye(theta.shape[1])
    B = np.where(near[:, None, None], H, M) / (scale[:, :, None] * scale[:, None, :]) + fill
    slope = g / scale
    move, at_edge, A = within(B, slope, radius)
    move = _inside(A, slope, move, (low - theta) * scale, (high - theta) * scale, free)
    promised = -(slope * move).sum(axis=1) - 0.5 * np.einsum("bi,bij,bj->b", move, B, move)
    length = np.linalg.norm(move, axis=1)
    gain = np.where(finite, gain, np.inf)
    return _Step(np.where(held, 0.0, move / scale), size, length, radius, promised, at_edge, gain, level & finite)


def _gain(
    g: Floats, H: Floats, M: Floats, scale: Floats, free: NDArray[np.bool_], value: Floats
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """The share of the objective that a full Newton step would gain, and where the Hessian is a bowl or level.

    Where it is none, its eigenvalues relative to the majoriser count by their size.
    """
    identity = np.eye(g.shape[1])
    outer = scale[:, :, None] * scale[:, None, :]
    slope, bent = g / scale, H / outer
    fill = np.where(free[:, :, None], RIDGE, 1.0) * identity
    with np.errstate(all="ignore"):  # the factor of a member that is no bowl is meaningless, and may overflow
        L, bowl = cholesky(bent + fill)
        decrement = (forward(L, slope) ** 2).sum(axis=1)
    level, rest = bowl.copy(), np.flatnonzero(~bowl)
    if len(rest):
        m, U = np.linalg.eigh(M[rest] / outer[rest] + np.where(free[rest][:, :, None], 0.0, identity))
        R = U.swapaxes(1, 2) / np.sqrt(np.maximum(m, RIDGE))[:, :, None]  # R M R' = 1
        eigenvalues, V = np.linalg.eigh(R @ bent[rest] @ R.swapaxes(1, 2))
        projected = np.matmul(V.swapaxes(1, 2), np.matmul(R, slope[rest][:, :, None]))[:, :, 0]
        decrement[rest] = (projected**2 / np.maximum(np.abs(eigenvalues), RIDGE)).sum(axis=1)
        level[rest] = np.linalg.eigvalsh(bent[rest])[:, 0] > -FLAT
    return 0.5 * decrement / np.maximum(value, np.finfo(float).tiny), bowl, level


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
    with np.errstate(all="ignore"):
        L, _ = cholesky(np.where(loose, A[some], np.eye(A.shape[1])))
        step[some] = np.where(stopped, moved, -backward(L, forward(L, bent)))
    return step
