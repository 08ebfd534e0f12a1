"""How flat the optimum is, and what it costs to be wrong about it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq

from scalelaw.intervals import Uncertainty
from scalelaw.planning.base import Answer, Band, Cost
from scalelaw.planning.goals.base import Goal
from scalelaw.planning.landscape import Landscape
from scalelaw.planning.targets import Answers, LossLost, Wasted, at_size, tokens_to
from scalelaw.results import Interval

EXCESSES = (0.001, 0.01)
"""Shares of the best loss for which a plan states the range of N."""
FARTHEST = 200.0
"""Logarithms of N from the best past which a band is taken to have no end."""
FACTORS = {"half the size": 0.5, "twice the size": 2.0}


def near_optimal(goal: Goal, landscape: Landscape, spend: float, n_params: float, excess: float) -> Band:
    """The N on either side of the best at which the loss is (1 + excess) times the least, for the same spending."""

    def log_loss(log_N: float) -> float:
        size = math.exp(log_N)
        return landscape.at(size, float(goal.tokens(size, spend)))

    centre = math.log(n_params)
    limit = log_loss(centre) + math.log1p(excess)
    low, high = (_cross(log_loss, centre, limit, direction) for direction in (-1, 1))
    return Band(excess, math.exp(low), math.exp(high))


def _cross(log_loss: Callable[[float], float], centre: float, limit: float, direction: int) -> float:
    """Where the loss crosses the limit, walking out from the centre; infinite where it never does."""
    step = 0.1
    while log_loss(centre + direction * step) < limit:
        step *= 2.0
        if step > FARTHEST:
            return direction * math.inf
    low, high = sorted((centre, centre + direction * step))
    # Beyond the last affordable size the loss is infinite, which no root finder likes.
    return float(brentq(lambda x: min(log_loss(x) - limit, 1.0), low, high, xtol=1e-12))


def costs(
    known: Uncertainty, answers: Answers, n_params: Answer, spend: float, rate: float, level: float
) -> tuple[Cost, ...]:
    """What other sizes cost: half and twice the best, and the two ends of its interval.

    Args:
        spend: what the plan takes, in the goal's unit. rate: money a unit; NaN where unknown.
    """
    if not isinstance(n_params, Interval):
        return ()
    goal, landscape = answers.goal, Landscape(known.fit.law, known.fit.natural, answers.goal.held)
    sizes = {what: factor * n_params.estimate for what, factor in FACTORS.items()}
    if n_params.low < n_params.estimate < n_params.high:
        sizes |= {"low end of N*": n_params.low, "high end of N*": n_params.high}
    least = landscape.at(*goal.best(landscape, spend))
    found = []
    for what, size in sizes.items():
        here = at_size(goal, landscape, size)
        with np.errstate(invalid="ignore"):  # 0/0 where a law is flat to rounding; such an interval is not available
            roots = {kind: known.interval(kind(answers, size), level) for kind in (LossLost, Wasted)}
        lost, times = (_squared(root, n_params.contains(size)) for root in roots.values())
        needed = float(goal.cost(size, tokens_to(goal, landscape, size, least)))
        share = -math.expm1(-(known.estimate(Wasted(answers, size)) ** 2))
        found.append(
            Cost(
                what=what,
                n_params=size,
                n_tokens=here.n_tokens,
                loss=here.loss,
                loss_lost=lost,
                extra=needed - spend if math.isfinite(needed) else math.inf,
                wasted=_share(times),
                money=share * here.spend * rate if math.isfinite(share * here.spend * rate) else None,
            )
        )
    return tuple(found)


def _squared(root: Answer, may_be_best: bool) -> Answer:
    """The interval of a cost from that of its signed root: from 0 where both signs are within, or N* may be so."""
    if not isinstance(root, Interval):
        return root
    ends = sorted((root.low**2, root.high**2))
    low = 0.0 if may_be_best or root.low <= 0.0 <= root.high else ends[0]
    return replace(root, estimate=root.estimate**2, low=low, high=ends[1])


def _share(times: Answer) -> Answer:
    """1 - e^-x: the share wasted from the log of how many times the needed spending it was."""
    if not isinstance(times, Interval):
        return times
    estimate, low, high = (-math.expm1(-value) for value in (times.estimate, times.low, times.high))
    return replace(times, estimate=estimate, low=low, high=high)
