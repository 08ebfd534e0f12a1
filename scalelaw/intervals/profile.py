"""Profile intervals: how far a target can be pulled before the fit becomes too bad."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator

from scalelaw.fitting import Fit
from scalelaw.intervals._covariance import CANCELLED, UNSEEN
from scalelaw.intervals._linear import difference_steps, gradient, is_grouped, student
from scalelaw.intervals._refit import PRECISE
from scalelaw.intervals.base import Ends, Method, Uncertainty, as_target
from scalelaw.intervals.targets import Target, backward, forward
from scalelaw.intervals.wald import clustered
from scalelaw.laws import Law
from scalelaw.laws.base import Floats
from scalelaw.solver import Problem, solve

PULLS = np.array([0.7, 1.3, 1.8, 2.2, 2.6, 3.2]), np.array([4.0, 5.0, 7.0, 10.0, 15.0, 25.0])
"""Where the target is pulled to either side of the estimate, in standard errors times t / 2; the second where the first
were not far enough."""
STIFFNESS = 10.0
"""Of the pull, relative to the objective's own curvature along the target."""
SMALL = 1e-6
"""The pull's residual per standard error: small enough to lie in the quadratic zone of any objective."""

CURVING = 30.0
"""Steps of the second differences, in steps of the first."""
STUCK = 1e-6
"""A target that moves by less than this share, however hard it is pulled, has come to a bound."""


@dataclass(frozen=True)
class Profile(Uncertainty):
    """The values of a target at which the best objective F still passes, by one batch of penalised solves a target.

    With g the target on its own scale (see `Target.positive`) and F(g) the least objective among parameters that give
    g, the interval is where

        2 [F(g) - F_min] <= q^2 v,    v = K^2 sum e^2 / (n - p) m

    with q = t(n - p) and v the noise in units of the objective (see `Linear`): for least squares the likelihood ratio
    with an unknown variance. Over groups q = t(G - 1) and v grows by the ratio of the cluster-robust (CR1) to the plain
    variance of the target. Each solve minimises F plus a quadratic pull of g towards some value; wherever it ends is
    a point of the profile exactly, so the pull need not be stiff. The crossing is interpolated in sqrt(F - F_min).

    Source: Venzon & Moolgavkar 1988, Applied Statistics 37; over groups Chandler & Bate 2007, Biometrika 94, sec. 3.
    """

    fit: Fit
    method: str
    note: str = ""

    def standard_error(self, target: str | Target) -> float:
        """The Wald standard error, in the target's own unit."""
        target = as_target(target, self.fit)
        found = self._local(target)
        return float("nan") if isinstance(found, str) else found[1] * (self.estimate(target) if target.positive else 1)

    def _local(self, target: Target) -> tuple[float, float, float] | str:
        """c'(X'X)^-1 c, the standard error and its degrees of freedom."""
        linear = self._linear
        if not linear.known:
            return UNSEEN
        c = gradient(target, self.fit, self.fit.theta[None], difference_steps(linear.inverse, linear.variance))[0]
        if not np.isfinite(c).all():
            return "it does not exist everywhere near the estimate"
        quadratic = float(c @ linear.inverse @ c)
        if not is_grouped(self.fit):
            return quadratic, float(np.sqrt(linear.variance * quadratic)), linear.freedom
        found = clustered(linear, c)
        return found if isinstance(found, str) else (quadratic, *found)

    def _ends(self, target: Target, level: float) -> Ends | str:
        found = self._local(target)
        if isinstance(found, str):
            return found
        quadratic, error, freedom = found
        if not error > CANCELLED * np.sqrt(self._linear.variance * quadratic):
            return "the runs, or their groups, show no scatter to measure a worse fit by"
        q = student(level, freedom)
        walks = [_Walk(target, sign, q) for sign in (-1.0, 1.0)]
        for pulls in PULLS:
            short = [walk for walk in walks if not walk.arrived]
            if short:
                goals = np.concatenate([walk.sign * q / 2 * error * pulls for walk in short])
                values, roots = self._pull(target, goals, quadratic, error)
                for walk, value, root in zip(short, *(np.split(v, len(short)) for v in (values, roots)), strict=True):
                    walk.extend(value, root)
        centre = float(forward(target, np.array(self.estimate(target))))
        low, high = (walk.end(centre) for walk in walks)
        if isinstance(low, str) or isinstance(high, str):
            return "; ".join(side for side in (low, high) if isinstance(side, str))
        return Ends(low[0], high[0], "; ".join(note for _, note in (low, high) if note))

    def _pull(self, target: Target, goals: Floats, quadratic: float, error: float) -> tuple[Floats, Floats]:
        """Points of the profile near `estimate + goals`: the target, and sqrt of the deviance; NaN where unsolved."""
        fit, problem, linear = self.fit, self.fit.problem, self._linear
        centre = float(forward(target, np.array(self.estimate(target))))
        weight = STIFFNESS * linear.m / quadratic * (error / SMALL) ** 2
        pull = _Pulled(fit, target, centre + goals, error, difference_steps(linear.inverse, linear.variance))
        pulled = Problem(pull, problem.misfit, problem.z, np.append(problem.log_y, 0.0))
        start = np.column_stack([np.tile(fit.theta, (len(goals), 1)), np.arange(len(goals))])
        solution = solve(pulled, start, np.append(fit.runs.weight, weight))
        theta = solution.theta[:, :-1]
        scale = problem.misfit.curvature(np.zeros(1))[0]
        weights = np.broadcast_to(fit.runs.weight, (len(theta), len(fit.runs)))
        rise = (problem.objective(theta, weights) - problem.objective(fit.theta[None], weights[:1])) / scale
        root = np.sqrt(2.0 * np.maximum(rise, 0.0) * quadratic / linear.m) / error
        with np.errstate(all="ignore"):
            values = forward(target, target.evaluate(fit, fit.law.natural(theta, fit.centre)))
        usable = (solution.gain <= PRECISE) & np.isfinite(values)
        return np.where(usable, values, np.nan), np.where(usable, root, np.nan)


@dataclass
class _Walk:
    """The points of a profile on one side of the estimate, nearest first, until sqrt of the deviance reaches q."""

    target: Target
    sign: float
    q: float
    values: Floats = field(default_factory=lambda: np.empty(0))
    roots: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def arrived(self) -> bool:
        """Whether some point is bad enough."""
        return bool((self.roots >= self.q).any())

    def extend(self, values: Floats, roots: Floats) -> None:
        """Points further out; those that were not solved are NaN and left out."""
        solved = np.isfinite(values)
        self.values, self.roots = np.append(self.values, values[solved]), np.append(self.roots, roots[solved])

    def end(self, centre: float) -> tuple[float, str] | str:
        """Where sqrt of the deviance reaches q, or the bound the target came to, with a note; or why neither."""
        side = "lower" if self.sign < 0 else "upper"
        if len(self.values) < 3:
            return f"the profile was not solved at enough points on the {side} side"
        if self.arrived:
            last = int(np.argmax(self.roots >= self.q)) + 1
            x = np.maximum.accumulate(np.append(0.0, self.roots[:last]))
            y = np.maximum.accumulate(np.append(0.0, self.sign * (self.values[:last] - centre)))
            new = np.append(True, np.diff(x) > 1e-9)
            end = centre + self.sign * float(PchipInterpolator(x[new], y[new])(self.q))
            return float(backward(self.target, np.array(end))), ""
        before, furthest = self.values[-2:]
        if abs(furthest - before) <= STUCK * abs(furthest - centre) or furthest == centre:
            return float(backward(self.target, np.array(furthest))), f"the {side} end is a bound of the law"
        return f"the objective never rises enough: the runs set no {side} limit"


@dataclass(frozen=True)
class _Pulled:
    """The law with one more row, the pull SMALL (g(theta) - goal) / error; the last parameter numbers the goal."""

    fit: Fit
    target: Target
    goals: Floats
    error: float
    steps: Floats
    kernel: str | None = None

    @property
    def law(self) -> Law:
        """The fit's law."""
        return self.fit.law

    def _row(self, theta: Floats) -> Floats:
        with np.errstate(all="ignore"):
            values = self.target.evaluate(self.fit, self.law.natural(theta[:, :-1], self.fit.centre))
            g = forward(self.target, values)
        return np.asarray(SMALL * (g - self.goals[np.rint(theta[:, -1]).astype(np.intp)]) / self.error)

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """ln L of every run and the pull, `[b, n + 1]`."""
        return np.concatenate([self.law.log_loss(theta[:, :-1], z), self._row(theta)[:, None]], axis=1)

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """The same, and its gradient."""
        log_loss, J = self.law.derivatives(theta[:, :-1], z)
        row = SMALL / self.error * gradient(self.target, self.fit, theta[:, :-1], self.steps)
        J = np.concatenate([J, row[:, None, :]], axis=1)
        log_loss = np.concatenate([log_loss, self._row(theta)[:, None]], axis=1)
        return log_loss, np.concatenate([J, np.zeros((*J.shape[:2], 1))], axis=2)

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats | None:
        """The law's and the pull's, by differences of its gradient, with zeros for the goal's number."""
        inner = theta[:, :-1]
        second = self.law.curvature(inner, z, q[:, :-1])
        if second is None:
            return None
        b, p = inner.shape
        moves = CURVING * np.concatenate([np.diag(self.steps), -np.diag(self.steps)])
        slopes = gradient(self.target, self.fit, (inner[:, None] + moves).reshape(-1, p), self.steps).reshape(
            b, 2, p, p
        )
        bend = (slopes[:, 0] - slopes[:, 1]) / (2.0 * CURVING * self.steps[:, None])
        bend = np.where(np.isfinite(bend), 0.5 * (bend + bend.swapaxes(1, 2)), 0.0)
        return np.pad(second + (q[:, -1] * SMALL / self.error)[:, None, None] * bend, ((0, 0), (0, 1), (0, 1)))

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """The law's; the number is free."""
        low, high = self.law.bounds(z)
        return np.append(low, -np.inf), np.append(high, np.inf)


@dataclass(frozen=True)
class ProfileMethod(Method):
    """Every target is profiled when asked for; nothing is prepared."""

    name = "profile"
    description = "profile of the objective, scaled by the noise: curved and one-sided where the law is"

    def prepare(self, fit: Fit, *, replicates: int = 1000, seed: int = 0, workers: int = 1) -> Uncertainty:
        """Nothing is resampled."""
        n, p, G = len(fit.runs), len(fit.law.params), len(fit.runs.groups)
        what = f"over {G} groups, CR1-adjusted, cut at t({G - 1})" if is_grouped(fit) else f"cut at t({n - p})"
        return Profile(fit, f"profile of the objective, {what}")


KIND = ProfileMethod()
