"""The global search of a fit: many starts, all polished, on a sample of the runs where there are very many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.laws import Law
from scalelaw.laws.base import Floats
from scalelaw.objectives import Objective, get_objective
from scalelaw.solver import Problem, Solution, solve

AGREEMENT = 1e-9
"""Starts agree when their objectives are within this share of the best."""
SAMPLE = 20_000
"""With more runs than this the starts are polished on so many of them, and the distinct optima on all."""
DISTINCT = 4
"""How many distinct optima of the sample are polished on all runs."""
PASSES = 10
"""How often at most an objective that sets itself from the residuals does so."""
STEADY = 1e-3
"""It is set when the worst-moved log-loss moves less than this share of the residuals' scatter."""


@dataclass(frozen=True)
class Search:
    """The best point found, `[p]`, under the objective as it ended; `agreeing` is the share of starts that reached it.

    `sampled` is how many runs the starts were polished on, when not on all.
    """

    theta: Floats
    objective: Objective
    value: float
    gain: float
    converged: bool
    agreeing: float
    sampled: int | None = None


def search(law: Law, objective: Objective, z: Floats, y: Floats, w: Floats, starts: int, seed: int) -> Search:
    """Polish `starts` starting points on runs with coordinates `z[n, k]`, responses `y[n]` and weights `w[n]`."""
    rng = np.random.default_rng(seed)
    if len(y) <= SAMPLE:
        objective, solution = _polish(law, objective, z, y, w, law.starts(z, y, starts, rng))
        return _found(objective, solution, _agreeing(solution, len(y)))
    some = np.sort(rng.choice(len(y), SAMPLE, replace=False))
    _, sampled = _polish(law, objective, z[some], y[some], w[some], law.starts(z[some], y[some], starts, rng))
    order = np.argsort(sampled.objective, kind="stable")
    apart = np.diff(sampled.objective[order], prepend=-np.inf) > AGREEMENT * sampled.objective.min()
    objective, solution = _polish(law, objective, z, y, w, sampled.theta[order[apart][:DISTINCT]])
    return _found(objective, solution, _agreeing(sampled, SAMPLE), SAMPLE)


def _polish(
    law: Law, objective: Objective, z: Floats, y: Floats, w: Floats, theta: Floats
) -> tuple[Objective, Solution]:
    log_y = np.log(y)
    if objective.tunes:
        pilot = solve(Problem(law, get_objective("log_least_squares"), z, log_y), theta, w)
        best = pilot.theta[np.argmin(pilot.objective)]
        predicted = law.log_loss(best[None], z)[0]
        for _ in range(PASSES):
            objective = objective.tuned(predicted - log_y, len(best))
            best = solve(Problem(law, objective, z, log_y), best[None], w).theta[0]
            before, predicted = predicted, law.log_loss(best[None], z)[0]
            if np.abs(predicted - before).max() <= STEADY * np.median(np.abs(predicted - log_y)):
                break
        theta = np.concatenate([theta[1:], best[None]])  # the last start is where least squares leads
    for stage in objective.stages():
        solution = solve(Problem(law, stage, z, log_y), theta, w)
        theta = solution.theta
    return objective, solution


def _agreeing(solution: Solution, n: int) -> float:
    best = solution.objective.min()
    # Starts that fit exactly differ by rounding alone, hence the floor of one ulp a run.
    return float((solution.objective <= best * (1 + AGREEMENT) + n * np.finfo(float).eps ** 2).mean())


def _found(objective: Objective, solution: Solution, agreeing: float, sampled: int | None = None) -> Search:
    best = int(np.argmin(solution.objective))
    return Search(
        solution.theta[best],
        objective,
        float(solution.objective[best]),
        float(solution.gain[best]),
        bool(solution.converged[best]),
        agreeing,
        sampled,
    )
