"""The verb: fit below a compute threshold, predict the runs above it, and count how often the intervals held."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scalelaw.errors import UsageError
from scalelaw.fitting import Fit, fit
from scalelaw.intervals import LEVEL, bootstrap
from scalelaw.laws import Law, get_law
from scalelaw.objectives import Objective
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Floats, RunTable


@dataclass(frozen=True)
class Backtest:
    """Held-out runs and what a fit to the others said of them.

    Attributes:
        fit: the law fitted to the runs of less compute.
        held_out: the runs of most compute.
        predicted: their predicted losses, nats/token, `[n]`.
        intervals: the prediction interval of each.
        level: level of the intervals.
    """

    fit: Fit
    held_out: RunTable
    predicted: Floats
    intervals: tuple[Interval | Unavailable, ...]
    level: float

    @cached_property
    def errors(self) -> Floats:
        """predicted / observed - 1, `[n]`."""
        return self.predicted / self.held_out.loss - 1.0

    @property
    def mean_absolute_error(self) -> float:
        """The mean of |predicted / observed - 1|."""
        return float(np.abs(self.errors).mean())

    @property
    def largest_error(self) -> float:
        """The largest of |predicted / observed - 1|."""
        return float(np.abs(self.errors).max())

    @property
    def inside(self) -> int:
        """How many held-out losses lie in their prediction intervals."""
        pairs = zip(self.intervals, self.held_out.loss, strict=True)
        return sum(isinstance(interval, Interval) and interval.contains(float(loss)) for interval, loss in pairs)

    @property
    def reach(self) -> float:
        """How far beyond the fitted runs the farthest held-out run lies: the ratio of their compute 6 N D."""
        return float(_compute(self.held_out).max() / _compute(self.fit.runs).max())


def backtest(
    law: str | Law,
    runs: RunTable,
    objective: str | Objective = "log_huber",
    *,
    share: float = 1 / 3,
    level: float = LEVEL,
    replicates: int = 1000,
    seed: int = 0,
    workers: int = 1,
) -> Backtest:
    """Hold out the `share` of the runs with the most compute (6 N D), fit the rest, predict the held out.

    Raises:
        UsageError: for a share outside (0, 1).
        DataError: where the rest cannot determine the law.
    """
    if not 0 < share < 1:
        raise UsageError(f"The share held out lies between 0 and 1; found {share}.")
    law = get_law(law)
    order = np.argsort(_compute(runs), kind="stable")
    largest = np.zeros(len(runs), dtype=bool)
    largest[order[len(runs) - round(share * len(runs)) :]] = True
    fitted = fit(law, runs.where(~largest, f"held out: largest {share:.3g} by compute"), objective, seed=seed)
    held_out = runs.where(largest)
    draws = bootstrap(fitted, replicates, seed=seed, workers=workers)
    inputs = law.read(held_out)
    named = [dict(zip(law.inputs, map(float, row), strict=True)) for row in inputs]
    predicted = law.predict(fitted.natural[None], inputs)[0]
    intervals = tuple(draws.prediction_interval(level=level, **row) for row in named)
    return Backtest(fitted, held_out, predicted, intervals, level)


def _compute(runs: RunTable) -> Floats:
    product = 6.0 * runs.n_params * runs.n_tokens
    return np.where(np.isnan(product), runs.flops, product)
