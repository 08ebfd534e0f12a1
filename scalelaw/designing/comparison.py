"""How well a design would know its targets, beside an IsoFLOP grid of the same cost.

Shapes: b draws, t targets, p working parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from scalelaw.designing.aims import Aims
from scalelaw.designing.base import Layout
from scalelaw.designing.belief import Belief
from scalelaw.laws.base import Floats

SHARE = 0.9
"""The share of draws that the range of a ratio holds."""
MOST = 1e4
"""How many times over the grid is run, at most, to reach a design's precision."""


@dataclass(frozen=True)
class Gain:
    """One target: its standard errors, relative (in ln), in the geometric mean over draws, and what a design gains.

    Attributes:
        target: `loss` or `N_opt`, of the best use of `flops` FLOP.
        now: the standard error from the runs already made, None where those are left out.
        design, grid: the standard error after the design, after the grid.
        ratio: variance of the design over that of the grid, with the range `low` to `high` over the draws.
        compute: how many times over the grid would have to be run to know it as well; infinite where it cannot.
    """

    target: str
    flops: float
    now: float | None
    design: float
    grid: float
    ratio: float
    low: float
    high: float
    compute: float


@dataclass(frozen=True)
class Verdict:
    """A design against the grid: the loss and N_opt at every target.

    `regret` and `grid_regret` are the expected excess loss at each target from training the N_opt found, as a share of
    the loss, for the design and for the grid; `regret_now` before either.
    """

    gains: tuple[Gain, ...]
    regret: tuple[float, ...]
    grid_regret: tuple[float, ...]
    regret_now: tuple[float, ...] | None


def compare(belief: Belief, aims: Aims, layout: Layout, grid: Layout, *, alone: bool = False) -> Verdict:
    """What is to be expected of a layout and of a grid, averaged over the draws of a belief."""
    prior, more = belief.information, information(belief, grid)
    now = None if alone else inverse(prior)
    ours, theirs = inverse(prior + information(belief, layout)), inverse(prior + more)
    gains = []
    for name, gradients in (("loss", aims.loss), ("N_opt", aims.size)):
        have = None if now is None else belief.scatter * _typical(variances(now, gradients))
        mine, grids = variances(ours, gradients), variances(theirs, gradients)
        log_ratio = np.log(mine / grids)
        low, high = np.exp(np.quantile(log_ratio, [(1 - SHARE) / 2, (1 + SHARE) / 2], axis=0))
        ratio, design, reference = np.exp(log_ratio.mean(axis=0)), _typical(mine), _typical(grids)
        for t, flops in enumerate(aims.budgets):
            gains.append(
                Gain(
                    target=name,
                    flops=flops,
                    now=None if have is None else float(have[t]),
                    design=float(belief.scatter * design[t]),
                    grid=float(belief.scatter * reference[t]),
                    ratio=float(ratio[t]),
                    low=float(low[t]),
                    high=float(high[t]),
                    compute=_equal_precision(prior, more, gradients[:, t : t + 1], mine[:, t]),
                )
            )
    before = None if now is None else _regret(belief, aims, now)
    return Verdict(tuple(gains), _regret(belief, aims, ours), _regret(belief, aims, theirs), before)


def information(belief: Belief, layout: Layout) -> Floats:
    """J'J of a layout's runs at every draw, `[b, p, p]`."""
    J = belief.jacobian(layout.n_params, layout.n_tokens)
    return np.asarray(np.einsum("bnp,n,bnq->bpq", J, layout.repeats, J))


def inverse(matrices: Floats) -> Floats:
    """The inverse of each `[b, p, p]`."""
    return np.asarray(np.linalg.inv(matrices))


def variances(V: Floats, gradients: Floats) -> Floats:
    """c'Vc for `V[b, p, p]` and c of `gradients[b, t, p]`: `[b, t]`, one run's noise being 1."""
    return np.asarray(np.einsum("btp,bpq,btq->bt", gradients, V, gradients))


def _typical(variance: Floats) -> Floats:
    """The geometric mean over draws of standard errors, `[t]`."""
    return np.asarray(np.exp(0.5 * np.log(variance).mean(axis=0)))


def _regret(belief: Belief, aims: Aims, V: Floats) -> tuple[float, ...]:
    """E[(h/2) s^2 c'Vc] for each target; the median over draws, since a few wild ones would rule a mean."""
    each = 0.5 * belief.scatter**2 * aims.bend * variances(V, aims.size)
    return tuple(map(float, np.median(each, axis=0)))


def _equal_precision(prior: Floats, grid: Floats, c: Floats, wanted: Floats) -> float:
    """How many times over the grid must be run until the mean log variance of `c[b, 1, p]` is that of `wanted[b]`."""
    goal = np.log(wanted).mean()

    def excess(log_times: float) -> float:
        return float(np.log(variances(inverse(prior + np.exp(log_times) * grid), c)).mean() - goal)

    limit = float(np.log(MOST))
    if excess(limit) > 0:
        return float("inf")
    if excess(-limit) < 0:
        return 0.0
    return float(np.exp(brentq(excess, -limit, limit, xtol=1e-6)))
