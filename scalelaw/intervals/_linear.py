"""A fit linearised at its optimum: what the covariance methods share.

Shapes: b members of a batch, n runs, p working parameters, G groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from scalelaw.fitting import Fit
from scalelaw.intervals.targets import Target, forward
from scalelaw.laws.base import Floats
from scalelaw.solver import Problem

Ints = NDArray[np.intp]

SINGULAR = 1e-13
"""Directions whose information is below this share of the best-known one count as not seen by the runs."""
ALONE = 1e-8
"""A group determines a direction alone when the others leave less than this share of its information."""

NARROW = 0.5
"""Where psi at one standard deviation of the residuals is below this share of it, most runs lie where the objective is
no longer quadratic, and its curvature is too rough to trust."""
LARGE = 10_000_000
"""Runs times groups beyond which the freedom of the scatter is counted rather than computed."""


@dataclass(frozen=True)
class Linear:
    """An M-estimate as a linear one: theta - truth = (X'X)^-1 X'e, X = sqrt(w) J and e = sqrt(w) psi(r) / m.

    m is the mean of psi' (1 for least squares), taken as the mean of [psi(r + h) - psi(r - h)] / 2h so that a narrow
    quadratic zone does not leave it to a handful of residuals: h = s n^(-1/5), s from the median absolute residual.

    Source: Huber & Ronchetti 2009, Robust Statistics, sections 7.4 and 7.6.

    Attributes:
        X: `[n, p]`; e: `[n]`; m: see above, per unit of the objective's scale.
        correction: K = 1 + (p/n) var(psi') / mean(psi')^2, by which a standard error grows in small samples (eq. 7.81).
        narrow: whether the noise is wide for the quadratic zone of the objective, as with Huber's delta of 1e-3. Judged
            by the root mean square, since a narrow zone draws p of the residuals to zero and the median with them.
        log_residual: ln(observed / predicted), `[n]`.
        rows: for each group, the indices of its runs.
    """

    X: Floats
    e: Floats
    m: float
    correction: float
    narrow: bool
    log_residual: Floats
    rows: tuple[Ints, ...]

    @classmethod
    def of(cls, fit: Fit) -> Linear:
        """The linearisation of a fit."""
        X, e, m, K = (part[0] for part in linearise(fit.problem, fit.theta[None], fit.runs.weight))
        return cls(X, e, float(m), float(K), is_narrow(fit.problem, fit.theta), fit.residuals, members(fit))

    @cached_property
    def inverse(self) -> Floats:
        """(X'X)^-1, `[p, p]`; NaN where the runs do not see some direction."""
        return np.asarray(inverses(self.X[None])[0])

    @property
    def known(self) -> bool:
        """Whether the runs see every direction."""
        return bool(np.isfinite(self.inverse).all())

    @cached_property
    def basis(self) -> Floats:
        """Q of X = QR, `[n, p]`, so that the hat matrix is QQ'."""
        norms = np.linalg.norm(self.X, axis=0)
        return np.linalg.qr(self.X / np.where(norms > 0, norms, 1.0))[0]

    @property
    def freedom(self) -> int:
        """n - p."""
        n, p = self.X.shape
        return int(n - p)

    @property
    def variance(self) -> float:
        """K^2 sum e^2 / (n - p): times (X'X)^-1, the covariance of independent runs."""
        return float(self.correction**2 * (self.e**2).sum() / self.freedom)

    @cached_property
    def corrections(self) -> tuple[Floats, ...]:
        """(I - H_gg)^(-1/2) for each group, with H the hat matrix; NaN where a group determines a direction alone."""
        if not self.known:
            return tuple(np.full((len(rows), len(rows)), np.nan) for rows in self.rows)
        return tuple(_inverse_root(self.basis[rows] @ self.basis[rows].T) for rows in self.rows)

    @cached_property
    def corrected(self) -> Floats:
        """Log residuals corrected for the leverage of their group, `[n]`."""
        out = np.empty_like(self.log_residual)
        for rows, correction in zip(self.rows, self.corrections, strict=True):
            out[rows] = correction @ self.log_residual[rows]
        return out

    @property
    def saturated(self) -> bool:
        """Whether rows share groups and some group determines a direction of the law alone, or nothing does."""
        return len(self.rows) < len(self.e) and not bool(np.isfinite(self.corrected).all())

    @property
    def scatter(self) -> float:
        """The standard deviation of a run about the law, in ln L; NaN where some group determines a direction alone."""
        return float(np.sqrt(np.mean(self.corrected**2)))

    @cached_property
    def scatter_freedom(self) -> float:
        """Degrees of freedom of `scatter`: n - p for independent runs, fewer where groups share their noise.

        For noise u_g common to a group, sum (corrected)^2 = u'Su with S = M'M, M = A (I - H) D, A the corrections and D
        the groups' indicators; by Satterthwaite it has (tr S)^2 / tr S^2 degrees of freedom.
        """
        n, G = len(self.e), len(self.rows)
        if n == G or n * G > LARGE:
            return float(max(G - self.X.shape[1], 1))
        D = np.zeros((n, G))
        for g, rows in enumerate(self.rows):
            D[rows, g] = 1.0
        M = D - self.basis @ (self.basis.T @ D)
        for rows, correction in zip(self.rows, self.corrections, strict=True):
            M[rows] = correction @ M[rows]
        S = M.T @ M
        return float(np.trace(S) ** 2 / (S**2).sum())


def linearise(problem: Problem, theta: Floats, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """X `[b, n, p]`, e `[b, n]`, m `[b]` and K `[b]` of `Linear`, for each member of `theta[b, p]`."""
    log_loss, J = problem.curve.derivatives(theta, problem.z)
    r = log_loss - problem.log_y
    if problem.misfit.space == "raw":
        J, r = J * np.exp(log_loss)[:, :, None], np.exp(log_loss) - np.exp(problem.log_y)
    return pseudo_residuals(problem, J, r, weights)


def pseudo_residuals(problem: Problem, J: Floats, r: Floats, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The same from the gradient `[b, n, p]` and the residuals `[b, n]`."""
    n, p = J.shape[1:]
    spread = 1.4826 * np.median(np.abs(r), axis=1, keepdims=True) * np.sqrt(n / (n - p))
    h = np.maximum(spread * n**-0.2, 1e-12)
    psi = problem.misfit.psi
    bends = (psi(r + h) - psi(r - h)) / (2.0 * h)
    unit = problem.misfit.curvature(np.zeros(1))[0]
    m = bends.mean(axis=1)
    K = 1.0 + p / n * bends.var(axis=1) / m**2
    root = np.sqrt(weights)
    return J * root[:, None], root * psi(r) / m[:, None], m / unit, K


def is_narrow(problem: Problem, theta: Floats) -> bool:
    """See `Linear.narrow`."""
    r = problem.residual(theta[None])[0]
    s = np.sqrt((r @ r) / (len(r) - len(theta)))
    unit = problem.misfit.curvature(np.zeros(1))[0]
    return bool(problem.misfit.psi(np.atleast_1d(s))[0] < NARROW * unit * s)


def inverses(X: Floats) -> Floats:
    """(X'X)^-1 for each `X[b, n, p]`, `[b, p, p]`; NaN where it is singular."""
    norms = np.linalg.norm(X, axis=1)[:, None, :]
    seen = np.isfinite(norms).all(axis=(1, 2)) & (norms > 0).all(axis=(1, 2))
    scaled = np.where(seen[:, None, None], X, 1.0) / np.where(seen[:, None, None], norms, 1.0)
    values, vectors = np.linalg.eigh(scaled.swapaxes(1, 2) @ scaled)
    seen &= values[:, 0] > SINGULAR * values[:, -1]
    values = np.where(seen[:, None], values, np.nan)[:, None, :]
    with np.errstate(invalid="ignore"):
        return np.asarray((vectors / values) @ vectors.swapaxes(1, 2) / (norms * norms.swapaxes(1, 2)))


def gradient(target: Target, fit: Fit, theta: Floats, steps: Floats) -> Floats:
    """The target's gradient in the working parameters on its own scale (see `Target.positive`), `[b, p]`.

    Central differences over `theta[b, p]` in one batch; `steps[p]` is a small share of what each parameter is known to.
    """
    b, p = theta.shape
    moves = np.concatenate([np.diag(steps), -np.diag(steps)])
    moved = (theta[:, None, :] + moves).reshape(-1, p)
    with np.errstate(all="ignore"):
        values = forward(target, target.evaluate(fit, fit.law.natural(moved, fit.centre))).reshape(b, 2, p)
    return np.asarray((values[:, 0] - values[:, 1]) / (2.0 * steps))


def difference_steps(inverse: Floats, variance: float) -> Floats:
    """Steps for `gradient`: a thousandth of each parameter's standard error, between 1e-7 and 1e-3."""
    return np.clip(1e-3 * np.sqrt(variance * np.diag(inverse)), 1e-7, 1e-3)


def student(level: float, freedom: float) -> float:
    """How far Student's t with so many degrees of freedom strays either way, at a level."""
    return float(stdtrit(freedom, 0.5 + level / 2))


def members(fit: Fit) -> tuple[Ints, ...]:
    """For each group of the fit's runs, the indices of its rows."""
    index = {group: i for i, group in enumerate(fit.runs.groups)}
    belongs = np.array([index[group] for group in fit.runs.group])
    order = np.argsort(belongs, kind="stable")
    return tuple(np.split(order, np.flatnonzero(np.diff(belongs[order])) + 1))


def is_grouped(fit: Fit) -> bool:
    """Whether some rows share a group."""
    return len(fit.runs.groups) < len(fit.runs)


def _inverse_root(H: Floats) -> Floats:
    values, vectors = np.linalg.eigh(np.eye(len(H)) - H)
    if values[0] <= ALONE:
        return np.full_like(H, np.nan)
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T)
