"""One run at a time: which runs to make next, given those that exist, and what each tells for its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalelaw.designing.aims import aim
from scalelaw.designing.base import Layout
from scalelaw.designing.belief import believe
from scalelaw.designing.candidates import candidates
from scalelaw.designing.comparison import variances
from scalelaw.designing.design import (
    DRAWS,
    RATIOS,
    TARGETS,
    choose_among,
    default_smallest,
    laid_out,
    parse_target,
    refuse_limits,
)
from scalelaw.designing.exchange import exchange
from scalelaw.fitting import Fit


@dataclass(frozen=True, slots=True)
class NextRun:
    """A run to make, and what it brings after those before it.

    Attributes:
        n_params, n_tokens: N and D.
        flops: 6 N D, FLOP.
        loss_variance, size_variance: by what factor the variances of the log loss and of ln N_opt at the targets
            change (geometric means over targets and draws).
        gain: how far the criterion, the logarithm of a variance, falls.
    """

    n_params: float
    n_tokens: float
    flops: float
    loss_variance: float
    size_variance: float
    gain: float

    @property
    def per_flop(self) -> float:
        """Fall of the log variance for each FLOP."""
        return self.gain / self.flops


@dataclass(frozen=True)
class Next:
    """The runs to make next, the most telling first; `alternatives` to the first, the best run of every cost.

    `targets` are the budgets, FLOP, at which the loss and N_opt are wanted; `layout` holds the runs cheapest first;
    the criterion was averaged over `draws` draws of the law.
    """

    fit: Fit
    criterion: str
    targets: tuple[float, ...]
    runs: tuple[NextRun, ...]
    alternatives: tuple[NextRun, ...]
    layout: Layout
    draws: int


def next_runs(
    fit: Fit,
    count: int = 1,
    budget: float | None = None,
    *,
    largest: float | None = None,
    smallest: float | None = None,
    ratios: tuple[float, float] = RATIOS,
    targets: Sequence[str | float] = TARGETS,
    criterion: str = "compound",
    draws: int = DRAWS,
    seed: int = 0,
) -> Next:
    """The `count` runs that lower the criterion most, given those already made.

    Args:
        budget: what they may cost together, FLOP; by default as much as `largest` lets each.
        largest: the most one may cost, FLOP; by default the budget or, without one, the largest run already made.

    The rest is as in `design`, without its points to see a lack of fit: the runs already made serve for that.

    Raises:
        UsageError, DataError: as `design`.
    """
    made = float((6.0 * fit.runs.n_params * fit.runs.n_tokens).max())
    if largest is None:
        largest = made if budget is None else budget
    budget = count * largest if budget is None else budget
    smallest = default_smallest(fit, largest) if smallest is None else smallest
    refuse_limits(budget, count, smallest, largest, ratios, draws)
    at = tuple(parse_target(target, largest) for target in targets)
    belief, aims = aim(believe(fit, draws, seed, at), at)
    choices = candidates(smallest, largest, ratios)
    choice = choose_among(belief, aims, choices, criterion)
    chosen = np.empty(0, dtype=np.intp)

    def told(j: int) -> NextRun:
        before, after = choice.covariance(chosen), choice.covariance(np.append(chosen, j))
        loss, size = (float(np.exp(np.log(variances(after, c) / variances(before, c)).mean())) for c in both)
        gain = choice.criterion.value(before, aims) - choice.criterion.value(after, aims)
        return NextRun(float(choices.n_params[j]), float(choices.n_tokens[j]), float(choice.costs[j]), loss, size, gain)

    both = (aims.loss, aims.size)
    value, cost = choice.after(chosen), np.round(np.log(choice.costs), 9)
    best = [int(min(np.flatnonzero(cost == level), key=lambda j: value[j])) for level in np.unique(cost)[::-1]]
    alternatives = tuple(told(j) for j in best)
    left, runs = list(exchange(choice, count, budget, 0, np.random.default_rng([seed, 1]))), []
    layout = laid_out(choices, np.array(left))
    while left:
        after = choice.after(chosen)
        j = min(left, key=lambda j: after[j])
        runs.append(told(j))
        chosen = np.append(chosen, j)
        left.remove(j)
    return Next(fit, criterion, at, tuple(runs), alternatives, layout, len(belief))
