"""The search for a design: runs are exchanged for better candidates, one at a time, under a budget.

Shapes: b draws, j candidates, p working parameters; a design is an array of n candidates' indices, repeats included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalelaw.designing.aims import Aims
from scalelaw.designing.base import count_apart
from scalelaw.designing.criteria.base import Criterion, OneMore
from scalelaw.laws.base import Floats

Indices = NDArray[np.intp]

STARTS = 2
"""Random designs the search begins from."""
PASSES = 12
"""Passes over a design's runs after which it counts as settled; three or four are usual."""
CLOSE = 1.02
"""The price of compute is known when one that keeps to the budget and one that does not are within this factor."""
FREE = 1e-6
"""A price at which the budget does not bind."""
ROUNDED = 1 + 1e-9
"""What rounding may add to a cost."""
WORTH = 1e-6
"""An exchange is made where the criterion falls by more than this."""


@dataclass(frozen=True)
class Choice:
    """What is chosen from, and what for.

    Attributes:
        criterion, aims: what is minimised.
        prior: information held before, `[b, p, p]`.
        X: gradients of the candidates, `[b, j, p]`; costs: their FLOP, `[j]`; log_points: (ln N, ln D), `[j, 2]`.
    """

    criterion: Criterion
    aims: Aims
    prior: Floats
    X: Floats
    costs: Floats
    log_points: Floats

    def covariance(self, chosen: Indices) -> Floats:
        """The inverse information after the chosen runs, `[b, p, p]`."""
        rows = self.X[:, chosen]
        return np.asarray(np.linalg.inv(self.prior + rows.swapaxes(1, 2) @ rows))

    def value(self, chosen: Indices) -> float:
        """The criterion after the chosen runs."""
        return self.criterion.value(self.covariance(chosen), self.aims)

    def after(self, chosen: Indices) -> Floats:
        """The criterion after the chosen runs and one more of each candidate, `[j]`."""
        return self.criterion.after(OneMore(self.covariance(chosen), self.X), self.aims)

    def cost(self, chosen: Indices) -> float:
        """FLOP of the chosen runs."""
        return float(self.costs[chosen].sum())

    def distinct(self, chosen: Indices) -> int:
        """How many of the chosen points lie apart."""
        return count_apart(self.log_points[np.unique(chosen)])


def exchange(choice: Choice, runs: int, budget: float, distinct: int, rng: np.random.Generator) -> Indices:
    """`runs` runs of least criterion that cost at most `budget` FLOP, of which `distinct` points lie apart.

    Each run in turn is exchanged for the candidate that lowers most the criterion plus a price times the cost; the
    price is raised until the design keeps to the budget, then refined, and the best design is settled under the budget
    itself. The budget must allow `runs` runs of the cheapest candidate.

    Source: Cook & Nachtsheim 1980, Technometrics 22, the modified algorithm of Fedorov 1972.
    """
    found = []
    for _ in range(STARTS):
        start = rng.integers(0, len(choice.costs), runs)
        within = _spread(choice, _priced(choice, start, budget), budget, distinct)
        found.append(_settle(choice, within, 0.0, budget, min(distinct, choice.distinct(within))))
    return np.sort(min(found, key=lambda chosen: (choice.distinct(chosen) < distinct, choice.value(chosen))))


def _priced(choice: Choice, chosen: Indices, budget: float) -> Indices:
    """The best design met within the budget while the price of compute, in ln of variance for a budget, is sought."""
    best = np.full(len(chosen), np.argmin(choice.costs))
    price, dear, cheap = 1.0, 0.0, np.inf  # at `dear` the design is beyond the budget, at `cheap` within it
    while price > FREE and cheap > CLOSE * dear:
        chosen = _settle(choice, chosen, price / budget)
        if choice.cost(chosen) > budget * ROUNDED:
            dear = price
        else:
            cheap, best = price, min(best, chosen, key=choice.value)
        if not dear:
            price /= 4.0
        else:
            price = 2.0 * dear if cheap == np.inf else math.sqrt(dear * cheap)
    return best


def _settle(choice: Choice, chosen: Indices, price: float, budget: float = np.inf, distinct: int = 0) -> Indices:
    """Exchanges, run by run, until none is worth it."""
    chosen = chosen.copy()
    for _ in range(PASSES):
        before = chosen.copy()
        for i in range(len(chosen)):
            others = np.delete(chosen, i)
            value = choice.after(others) + price * choice.costs
            value[choice.cost(others) + choice.costs > budget * ROUNDED] = np.inf
            for j in np.argsort(value):
                if not value[j] < value[chosen[i]] - WORTH:
                    break
                if not distinct or choice.distinct(np.append(others, j)) >= distinct:
                    chosen[i] = j
                    break
        if (before == chosen).all():
            break
    return chosen


def _spread(choice: Choice, chosen: Indices, budget: float, distinct: int) -> Indices:
    """One repeat after another moved, at the least loss, to where the design has no point yet."""
    chosen = chosen.copy()
    while (have := choice.distinct(chosen)) < distinct:
        moves: list[tuple[float, int, int]] = []
        for i in range(len(chosen)):
            others = np.delete(chosen, i)
            value = choice.after(others)
            value[choice.cost(others) + choice.costs > budget * ROUNDED] = np.inf
            for j in np.argsort(value)[: np.isfinite(value).sum()]:
                if choice.distinct(np.append(others, j)) > have:
                    moves.append((float(value[j]), i, int(j)))
                    break
        if not moves:
            cheap = _cheapest(choice, len(chosen), distinct)
            return cheap if choice.cost(cheap) <= budget * ROUNDED else chosen
        _, i, j = min(moves)
        chosen[i] = j
    return chosen


def _cheapest(choice: Choice, runs: int, distinct: int) -> Indices:
    """The cheapest candidates that lie apart, as many as wanted, and repeats of the cheapest of all."""
    kept: list[int] = []
    for j in np.argsort(choice.costs, kind="stable"):
        if len(kept) < distinct and choice.distinct(np.array([*kept, j])) > len(kept):
            kept.append(int(j))
    return np.array(kept + [int(np.argmin(choice.costs))] * (runs - len(kept)))
