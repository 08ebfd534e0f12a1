"""What a prior fit believes: draws of the law's parameters, and the information its own runs hold at each of them.

Shapes: b draws, n runs, p working parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import Fit
from scalelaw.intervals._linear import Linear, difference_steps, members
from scalelaw.laws.base import Floats

TRIES = 40
"""Draws made, at most, for each one wanted: those outside the law's bounds, or without an optimum, are made again."""
IGNORED = 1e-6
"""The share of the earlier runs' information that is kept where they are to be left out: a ridge, so that designs of
fewer runs than parameters can be ranked too."""


@dataclass(frozen=True)
class Belief:
    """Draws of the law given the runs already made, theta ~ Normal(estimate, s^2 (X'X)^-1) within the law's bounds.

    Attributes:
        fit: the prior fit.
        theta: working parameters, `[b, p]`.
        information: the earlier runs' J'J at each draw, in units of one run's, `[b, p, p]`.
        scatter: s, the standard deviation of a run about the law, in ln L.
        steps: by how much to move each parameter for a derivative, `[p]`.
        wanted: how many draws were asked for.
    """

    fit: Fit
    theta: Floats
    information: Floats
    scatter: float
    steps: Floats
    wanted: int

    def __len__(self) -> int:
        return len(self.theta)

    def only(self, good: NDArray[np.bool_]) -> Belief:
        """The draws that are good."""
        return replace(self, theta=self.theta[good], information=self.information[good])

    def jacobian(self, n_params: Floats, n_tokens: Floats) -> Floats:
        """d ln L / d theta of runs at (N, D), `[b, n, p]`."""
        given = {"n_params": n_params, "n_tokens": n_tokens, "flops": 6.0 * n_params * n_tokens}
        inputs = np.stack([given[name] for name in self.fit.law.inputs], axis=1)
        return self.fit.law.derivatives(self.theta, self.fit.law.coordinates(inputs, self.fit.centre))[1]


def believe(fit: Fit, draws: int, seed: int, targets: tuple[float, ...], *, alone: bool = False) -> Belief:
    """What a fit believes, over `draws` draws that have an optimum at every target where the law has any.

    Raises:
        UsageError: for a law of other inputs than N, D and C, whose values for runs not yet made nobody knows.
        DataError: where the runs do not determine every parameter, so that there is no prior to speak of.
    """
    law = fit.law
    others = [name for name in law.inputs if name not in ("n_params", "n_tokens", "flops")]
    if others:
        raise UsageError(
            f"A design chooses N and D; the law {law.label} also takes {', '.join(others)}. "
            "Next: fit a law of N and D alone, such as chinchilla."
        )
    linear = Linear.of(fit)
    if not linear.known:
        raise DataError(
            "E_UNIDENTIFIED",
            f"the runs of this fit do not determine every parameter of {law.label}, so no design can be averaged over "
            "what they leave possible",
            remedy="add a few small runs, or fit a law with fewer parameters such as chinchilla_tied",
        )
    weight = fit.runs.weight / fit.runs.weight.mean() * independence(fit)
    X = law.derivatives(fit.theta[None], fit.problem.z)[1][0] * np.sqrt(weight)[:, None]
    scatter = linear.scatter if np.isfinite(linear.scatter) else float(np.sqrt(linear.variance))
    theta = _draws(fit, scatter * np.linalg.pinv(X), draws, seed, targets)
    with np.errstate(all="ignore"):  # a draw far out may overflow; `aim` leaves it out
        J = law.derivatives(theta, fit.problem.z)[1]
    information = np.einsum("bnp,n,bnq->bpq", J, weight, J) * (IGNORED if alone else 1.0)
    steps = difference_steps(linear.inverse, linear.variance)
    return Belief(fit, theta, information, scatter, steps, draws)


def _draws(fit: Fit, root: Floats, wanted: int, seed: int, targets: tuple[float, ...]) -> Floats:
    """Draws inside the bounds whose optimum exists, `[b, p]`; the estimate alone where there are none."""
    rng = np.random.default_rng([seed, 0])
    low, high = fit.law.bounds(fit.problem.z)
    theta = fit.theta + rng.standard_normal((TRIES * wanted, root.shape[1])) @ root.T
    good = ((theta > low) & (theta < high)).all(axis=1)
    for flops in targets if has_optimum(fit) else ():
        with np.errstate(all="ignore"):  # so may a draw have no optimum
            n_params, n_tokens = fit.law.optimum(fit.law.natural(theta, fit.centre), flops)
        good &= np.isfinite(n_params) & (n_params > 1.0) & (n_tokens > 1.0)
    return theta[good][:wanted] if good.any() else fit.theta[None]


def has_optimum(fit: Fit) -> bool:
    """Whether the law trades parameters against tokens."""
    try:
        fit.law.optimum(fit.natural[None], 1e18)
    except UsageError:
        return False
    return True


def independence(fit: Fit) -> Floats:
    """The share of a run's information that each row brings, `[n]`: 1, or less where rows of a group go together.

    With rho the correlation of residuals within groups (analysis of variance, at least 0), a group of k rows tells as
    much as k / (1 + (k - 1) rho) independent ones.

    Source: Kish 1965, Survey Sampling, section 5.4.
    """
    groups, r, n = members(fit), fit.residuals, len(fit.residuals)
    sizes = np.array([len(rows) for rows in groups])
    within = sum(float(((r[rows] - r[rows].mean()) ** 2).sum()) for rows in groups) / max(n - len(groups), 1)
    between = sum(len(rows) * float(r[rows].mean() - r.mean()) ** 2 for rows in groups) / max(len(groups) - 1, 1)
    typical = (n - (sizes**2).sum() / n) / max(len(groups) - 1, 1)
    if len(groups) == n or within + between == 0:
        return np.ones(n)
    rho = float(np.clip((between - within) / (between + (typical - 1) * within), 0.0, 1.0))
    share = np.empty(n)
    for rows in groups:
        share[rows] = 1.0 / (1.0 + (len(rows) - 1) * rho)
    return share
