"""One run at a time: which run to make next, given those that exist, and what each costs for what it tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalelaw.designing.aims import aim
from scalelaw.designing.belief import believe
from scalelaw.designing.candidates import COSTS, candidates
from scalelaw.designing.comparison import variances
from scalelaw.designing.design import DRAWS, RATIOS, TARGETS, choose_among, default_smallest, parse_target
from scalelaw.errors import UsageError
from scalelaw.fitting import Fit


@dataclass(frozen=True, slots=True)
class NextRun:
    """A run to make, and what it brings after those before it.

    Attributes:
        n_params, n_tokens: N and D.
        flops: 6 N D, FLOP.
        loss_variance, size_variance: by what factor the variances of the log loss and of ln N_opt at the targets
            change (geometric means over targets and draws).
        gain: how far the criterion, the logarithm of a variance, falls; `per_flop` the same for each FLOP.
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


def next_runs(
    fit: Fit,
    count: int,
    largest: float | None = None,
    *,
    smallest: float | None = None,
    ratios: tuple[float, float] = RATIOS,
    targets: Sequence[str | float] = TARGETS,
    criterion: str = "compound",
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[tuple[NextRun, ...], tuple[NextRun, ...]]:
    """The next `count` runs, and the alternatives to the first: the best run of every cost, dearest first.

    Each run is the one that lowers the criterion most, given those made and those chosen before it, at no more than
    `largest` FLOP, by default the largest run already made. Targets are as in `design`; a multiple is of `largest`.

    Raises:
        UsageError, DataError: as `design`.
    """
    if count < 1:
        raise UsageError(f"--next asks for one run or more; found {count}.")
    made = float((6.0 * fit.runs.n_params * fit.runs.n_tokens).max())
    largest = largest or made
    smallest = smallest or default_smallest(fit, largest)
    if not 0 < smallest <= largest:
        raise UsageError(f"The smallest run, {smallest:.3g} FLOP, must not cost more than the largest, {largest:.3g}.")
    at = tuple(parse_target(target, largest) for target in targets)
    belief = believe(fit, draws, seed, at)
    aims = aim(belief, at)
    choices = candidates(smallest, largest, ratios)
    choice = choose_among(belief, aims, choices, criterion)
    chosen = np.empty(0, dtype=np.intp)

    def told(j: int) -> NextRun:
        before, after = (choice.covariance(runs) for runs in (chosen, np.append(chosen, j)))
        loss, size = (
            float(np.exp(np.log(variances(after, c) / variances(before, c)).mean())) for c in (aims.loss, aims.size)
        )
        gain = choice.criterion.value(before, aims) - choice.criterion.value(after, aims)
        n_params, n_tokens = float(choices.n_params[j]), float(choices.n_tokens[j])
        return NextRun(n_params, n_tokens, 6.0 * n_params * n_tokens, loss, size, gain)

    value = choice.after(chosen)
    level = np.tile(np.arange(COSTS), len(value) // COSTS)
    best = [np.flatnonzero(level == k)[np.argmin(value[level == k])] for k in range(COSTS)]
    alternatives = tuple(told(int(j)) for j in reversed(best))
    runs = []
    for _ in range(count):
        j = int(np.argmin(choice.after(chosen)))
        runs.append(told(j))
        chosen = np.append(chosen, j)
    return tuple(runs), alternatives
