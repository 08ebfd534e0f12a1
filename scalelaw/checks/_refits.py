"""The fit made again without some of its runs, many such fits in one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalelaw.fitting import Fit
from scalelaw.laws.base import Floats
from scalelaw.runs import RunTable
from scalelaw.solver import solve

SETTLED = 1e-6
"""A refit serves when a further step would gain less than this share of its objective."""
MOST = 400
"""Refits of a batch: beyond so many groups the cost would grow with the square of the runs."""


@dataclass(frozen=True, slots=True)
class Refits:
    """Working parameters of each refit, `[b, p]`, and the logs of the natural ones, NaN where there is no optimum."""

    theta: Floats
    log_natural: Floats


def without(fit: Fit, left_out: NDArray[np.bool_]) -> Refits:
    """The fit without the runs marked in `left_out[b, n]`, from the estimate."""
    weights = np.where(left_out, 0.0, fit.runs.weight)
    solution = solve(fit.problem, np.tile(fit.theta, (len(left_out), 1)), weights)
    natural = fit.law.natural(solution.theta, fit.centre)
    usable = (solution.gain <= SETTLED)[:, None] & (natural > 0)
    return Refits(solution.theta, np.log(np.where(usable, natural, np.nan)))


def jackknife_errors(fit: Fit) -> Floats:
    """Standard errors of the logs of the natural parameters, `[p]`, from leaving each group out in turn; NaN
    for a parameter that a refit has lost. More than `MOST` groups are left out in as many blocks.

    Source: Efron & Tibshirani 1993, chapter 11, over groups.
    """
    group = group_index(fit.runs)
    order = np.random.default_rng(fit.seed).permutation(group.max() + 1)
    block = group if len(order) <= MOST else (order % MOST)[group]
    logs = without(fit, np.arange(block.max() + 1)[:, None] == block).log_natural
    count = len(logs)
    return np.asarray(np.sqrt((count - 1) / count * ((logs - logs.mean(axis=0)) ** 2).sum(axis=0)))


def strongest(fit: Fit) -> NDArray[np.bool_]:
    """The groups that pull the estimate most, `[at most MOST, n]`; all of them where there are no more.

    The pull of a group is g' M^-1 g, g the gradient of its share of the objective and M = sum g g': to first order, how
    far it moves the estimate.
    """
    group = group_index(fit.runs)
    residual = fit.problem.residual(fit.theta[None])
    J = fit.law.derivatives(fit.theta[None], fit.problem.z)[1][0]
    g = np.zeros((group.max() + 1, J.shape[1]))
    np.add.at(g, group, J * (fit.runs.weight * fit.problem.misfit.psi(residual)[0])[:, None])
    pull = np.einsum("gp,pq,gq->g", g, np.linalg.pinv(g.T @ g, hermitian=True), g)
    chosen = np.sort(np.argsort(-pull, kind="stable")[:MOST])
    return np.asarray(chosen[:, None] == group)


def group_index(runs: RunTable) -> NDArray[np.intp]:
    """Which group each run belongs to, `[n]`, in the order of `RunTable.groups`."""
    place = {name: i for i, name in enumerate(runs.groups)}
    return np.array([place[name] for name in runs.group], dtype=np.intp)
