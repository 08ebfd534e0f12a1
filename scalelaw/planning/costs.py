"""How flat the optimum is, and what it costs to be wrong about it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from scalelaw.intervals import Uncertainty
from scalelaw.planning.base import Answer, Band, Cost
from scalelaw.planning.goals.base import HUGE, Goal
from scalelaw.planning.landscape import Landscape
from scalelaw.planning.searching import crossing
from scalelaw.planning.targets import Answers, LossLost, Wasted
from scalelaw.results import Interval

EXCESSES = (0.001, 0.01)
"""Shares of the best loss for which a plan states the range of N."""
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
        if step > 60.0:
            return direction * math.inf
    low, high = sorted((centre, centre + direction * step))
    # Beyond the last affordable size the loss is infinite, which no root finder likes.
    return float(brentq(lambda x: min(log_loss(x) - limit, 1.0), low, high, xtol=1e-12))


def costs(
    known: Uncertainty, answers: Answers, n_params: Answer, spend: float, money: float | None, level: float
) -> tuple[Cost, ...]:
    """What other sizes cost: half and twice the best, and the two ends of its interval."""
    if not isinstance(n_params, Interval):
        return ()
    best = n_params.estimate
    sizes = {what: factor * best for what, factor in FACTORS.items()}
    sizes |= {"low end of its interval": n_params.low, "high end of its interval": n_params.high}
    goal, landscape = answers.goal, Landscape(known.fit.law, known.fit.natural, answers.goal.held)
    found = []
    for what, size in sizes.items():
        tokens = float(goal.tokens(size, spend))
        if not (size > 0 and tokens > 0):
            continue
        lost, wasted = (known.interval(target(answers, size, spend), level) for target in (LossLost, Wasted))
        share = known.estimate(Wasted(answers, size, spend))
        found.append(
            Cost(
                what=what,
                n_params=size,
                n_tokens=tokens,
                loss=math.exp(landscape.at(size, tokens)),
                loss_lost=lost,
                extra=_needed(goal, landscape, size, spend) - spend,
                wasted=wasted,
                money=None if money is None or not math.isfinite(money) else share * money,
            )
        )
    return tuple(found)


def _needed(goal: Goal, landscape: Landscape, size: float, spend: float) -> float:
    """The spending at which a size reaches the least loss of `spend`; infinite where it never does."""
    least = landscape.at(*goal.best(landscape, spend))
    log_D = crossing(lambda x: landscape.at(size, math.exp(x)) - least, math.log(HUGE))
    return float(np.asarray(goal.cost(size, math.exp(log_D)))) if math.isfinite(log_D) else math.inf
