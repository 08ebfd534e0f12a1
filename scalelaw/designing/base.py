"""The nouns of experimental design: a `Layout` of runs to make, and the `Design` that says why those."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from scalelaw.fitting import Fit
from scalelaw.laws.base import Floats
from scalelaw.results import Finding

if TYPE_CHECKING:
    from scalelaw.designing.comparison import Verdict

APART = 1.5
"""Points count as distinct, for seeing a lack of fit, where N or D differs by at least this factor."""


@dataclass(frozen=True)
class Layout:
    """Runs to make: `n_params[k]`, `n_tokens[k]` and how often each is made, with its own seed, `repeats[k]`.

    `repeats` of a reference grid need not be whole: they bring it to the cost of what it is compared with.
    """

    n_params: Floats
    n_tokens: Floats
    repeats: Floats

    @property
    def flops(self) -> Floats:
        """6 N D of one run of each point, FLOP, `[k]`."""
        return 6.0 * self.n_params * self.n_tokens

    @property
    def cost(self) -> float:
        """6 N D of all runs, FLOP."""
        return float(self.flops @ self.repeats)

    @property
    def runs(self) -> float:
        """How many runs there are, repeats included."""
        return float(self.repeats.sum())

    @cached_property
    def distinct(self) -> int:
        """How many points lie at least a factor `APART` from one another in N or in D."""
        return count_apart(np.log(np.stack([self.n_params, self.n_tokens], axis=1)))

    def each_run(self) -> list[tuple[float, float]]:
        """(N, D) of every run, a repeated one as often as it is made."""
        pairs = zip(self.n_params, self.n_tokens, self.repeats, strict=True)
        return [(float(n), float(d)) for n, d, times in pairs for _ in range(round(times))]


def count_apart(log_points: Floats) -> int:
    """How many of `log_points[k, 2]`, (ln N, ln D), can be kept, smallest first, so that all differ by `APART`."""
    least = math.log(APART) * (1 - 1e-9)
    kept: list[tuple[float, float]] = []
    for x, y in sorted(log_points.tolist()):
        if all(x - left >= least or abs(y - low) >= least for left, low in kept):
            kept.append((x, y))
    return len(kept)


@dataclass(frozen=True)
class Design:
    """The runs that tell the most about the targets for their cost, beside an IsoFLOP grid of the same cost.

    Attributes:
        fit: the law, and the runs already made, behind the design.
        criterion: the name of what was minimised.
        budget: what the runs may cost together, FLOP; `layout.cost` is what they do.
        largest, smallest: limits of a single run's 6 N D, FLOP; ratios: limits of D/N.
        targets: budgets, FLOP, at which the loss and N_opt are wanted.
        layout: the runs to make, cheapest first.
        reference: the IsoFLOP grid.
        verdict: how well either would know the targets.
        alone: whether the runs already made were left out of the reckoning.
        scatter: standard deviation of a run about the law, in ln L.
        draws, seed: over how many draws of the law the criterion was averaged, and from which seed.
        findings: what to beware of.
    """

    fit: Fit
    criterion: str
    budget: float
    largest: float
    smallest: float
    ratios: tuple[float, float]
    targets: tuple[float, ...]
    layout: Layout
    reference: Layout
    verdict: Verdict
    alone: bool
    scatter: float
    draws: int
    seed: int
    findings: tuple[Finding, ...]
